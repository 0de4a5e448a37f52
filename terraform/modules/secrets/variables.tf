variable "secrets" {
  description = "Secrets by name below llm-shield/, and the function that renews each, and how often, if there is one"
  type = map(object({
    description = string
    rotation = optional(object({
      lambda_arn = string
      after_days = number
    }))
  }))

  validation {
    condition     = alltrue([for name, secret in var.secrets : can(regex("^[a-z0-9][a-z0-9/_-]*$", name)) && !startswith(name, "llm-shield/")])
    error_message = "A name has lower-case letters, digits, slashes, hyphens and underscores; llm-shield/ is put before it."
  }

  validation {
    condition     = alltrue([for secret in values(var.secrets) : try(secret.rotation.after_days, 1) >= 1 && try(secret.rotation.after_days, 1) <= 365])
    error_message = "A secret is rotated every 1 to 365 days."
  }
}

variable "kms_key_arn" {
  description = "Key that the secrets are encrypted with"
  type        = string
}

variable "account_id" {
  description = "Account whose principals alone may read the secrets"
  type        = string
}

variable "recovery_window_in_days" {
  description = "Days in which a deleted secret can be restored; 0 for none, which only trials need"
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.recovery_window_in_days == 0 || (var.recovery_window_in_days >= 7 && var.recovery_window_in_days <= 30)
    error_message = "7 to 30 days, or 0."
  }
}
