variable "package" {
  description = "Package (zip) of the function as clients/lambda/scripts/deploy.sh builds it"
  type        = string
  default     = "../../../../../target/lambda/rotate.zip"
}
