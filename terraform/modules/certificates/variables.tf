variable "name" {
  description = "Common name of the authority"
  type        = string
}

variable "organization" {
  description = "Organisation in the authority's subject"
  type        = string
  default     = "llm-shield"
  nullable    = false
}

variable "validity_years" {
  description = "Years that the authority's own certificate holds"
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.validity_years >= 1 && var.validity_years <= 10
    error_message = "1 to 10 years."
  }
}

variable "permanent_deletion_time_in_days" {
  description = "Days in which a deleted authority can be restored"
  type        = number
  default     = 7
  nullable    = false
}
