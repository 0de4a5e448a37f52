variable "region" {
  description = "Region that everything lies in"
  type        = string
  default     = "eu-west-1"
}

variable "account_id" {
  description = "Account that everything lies in"
  type        = string
}
