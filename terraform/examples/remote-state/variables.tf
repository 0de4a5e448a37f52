variable "region" {
  description = "Region of the bucket"
  type        = string
  default     = "us-east-1"
}

variable "bucket_name" {
  description = "Name of the bucket, unique over all of AWS"
  type        = string
}

variable "administrator_arns" {
  description = "Principals that run Terraform"
  type        = list(string)
}
