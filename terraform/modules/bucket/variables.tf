variable "name" {
  description = "Name of the bucket, unique over all of AWS"
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.name))
    error_message = "A bucket's name has 3 to 63 lower-case letters, digits, dots and hyphens."
  }
}

variable "encryption" {
  description = "Key that objects are encrypted with; null for S3's own, which the target of access logs needs"
  type        = object({ kms_key_arn = string })
  default     = null
}

variable "object_lock" {
  description = "Default retention under Object Lock; null for none. COMPLIANCE cannot be shortened by anyone, the account's root included"
  type = object({
    mode = string
    days = number
  })
  default = null

  validation {
    condition     = var.object_lock == null || contains(["COMPLIANCE", "GOVERNANCE"], try(var.object_lock.mode, ""))
    error_message = "The mode is COMPLIANCE or GOVERNANCE."
  }

  validation {
    condition     = try(var.object_lock.days, 1) >= 1
    error_message = "The retention is at least a day."
  }
}

variable "access_logs" {
  description = "Bucket that server access logs are delivered to; null for none"
  type        = object({ bucket = string })
  default     = null
}

variable "event_notifications" {
  description = "Whether changes to objects are sent to EventBridge"
  type        = bool
  default     = false
  nullable    = false
}

variable "lifecycle_rules" {
  description = "Transitions and expirations by name, each for a prefix; unfinished uploads always end after a day"
  type = map(object({
    prefix                       = string
    transitions                  = optional(list(object({ days = number, storage_class = string })), [])
    expire_after_days            = optional(number)
    expire_noncurrent_after_days = optional(number)
  }))
  default  = {}
  nullable = false
}

variable "policy_documents" {
  description = "Policies in JSON whose statements the bucket's policy has as well"
  type        = list(string)
  default     = []
  nullable    = false
}

variable "vpc_endpoint_ids" {
  description = "VPC endpoints through which alone objects may be read; empty for no such rule"
  type        = list(string)
  default     = []
  nullable    = false
}

variable "force_destroy" {
  description = "Whether a destroy removes the objects, too. What is under Object Lock stays"
  type        = bool
  default     = false
  nullable    = false
}
