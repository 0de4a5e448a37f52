variable "name" {
  description = "Prefix of the keys' aliases, and name of the cluster whose tasks' disks are encrypted"
  type        = string
}

variable "region" {
  description = "Region, part of the names of the services that a key may be used through"
  type        = string
}

variable "account_id" {
  description = "Account that the keys belong to"
  type        = string
}

variable "administrator_arns" {
  description = "Principals that may administer the keys, and cannot use them. Empty: whoever the account's IAM policies let"
  type        = list(string)
  default     = []
  nullable    = false
}

variable "users" {
  description = "Roles by what they do with keys: who seals audit records, opens them, signs checkpoints, delivers for Config, reads secrets, reads and writes buckets. Names of roles, which need not exist yet"
  type = object({
    audit_seal   = optional(list(string), [])
    audit_open   = optional(list(string), [])
    audit_sign   = optional(list(string), [])
    audit_verify = optional(list(string), [])
    config       = optional(list(string), [])
    secrets      = optional(list(string), [])
    buckets      = optional(list(string), [])
  })
}

variable "bedrock_guardrail" {
  description = "Whether a guardrail of Bedrock is encrypted with the key of events"
  type        = bool
  default     = false
  nullable    = false
}

variable "deletion_window_in_days" {
  description = "Days between a key's deletion and its end, in which it can be cancelled"
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.deletion_window_in_days >= 7 && var.deletion_window_in_days <= 30
    error_message = "7 to 30 days."
  }
}

variable "rotation_period_in_days" {
  description = "Days after which the symmetric keys are rotated"
  type        = number
  default     = 365
  nullable    = false

  validation {
    condition     = var.rotation_period_in_days >= 90 && var.rotation_period_in_days <= 2560
    error_message = "90 to 2560 days."
  }
}
