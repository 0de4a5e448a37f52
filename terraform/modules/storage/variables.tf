variable "names" {
  description = "Names of the buckets: models (llm-shield-models-…), results (llm-shield-results-…), and the one that access logs go to"
  type = object({
    models  = string
    results = string
    logs    = string
  })

  validation {
    condition     = startswith(var.names.models, "llm-shield-models-") && startswith(var.names.results, "llm-shield-results-")
    error_message = "By convention the names begin with llm-shield-models- and llm-shield-results-."
  }
}

variable "account_id" {
  description = "Account whose buckets may deliver access logs"
  type        = string
}

variable "kms_key_arn" {
  description = "Key that objects are encrypted with"
  type        = string
}

variable "object_lock" {
  description = "Retention of audit objects. COMPLIANCE cannot be shortened by anyone, the account's root included; GOVERNANCE can, by those who may bypass it"
  type = object({
    mode = string
    days = number
  })
  default  = { mode = "COMPLIANCE", days = 365 }
  nullable = false
}

variable "prefixes" {
  description = "Prefixes of objects: models and configurations in the one bucket, audit objects in the other"
  type = object({
    models  = optional(string, "models/")
    configs = optional(string, "configs/")
    results = optional(string, "scan-results/")
  })
  default  = {}
  nullable = false
}

variable "results_tiering" {
  description = "Days after which audit objects move to Intelligent-Tiering and to Glacier, and after which they end; null for never. The end has to lie behind the retention. glacier_class is GLACIER_IR, which is read at once, or GLACIER or DEEP_ARCHIVE, from which objects have to be restored before the log can be verified"
  type = object({
    intelligent_tiering_after_days = optional(number, 30)
    glacier_after_days             = optional(number, 180)
    glacier_class                  = optional(string, "GLACIER_IR")
    expire_after_days              = optional(number)
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"], var.results_tiering.glacier_class)
    error_message = "The class is GLACIER_IR, GLACIER or DEEP_ARCHIVE."
  }
}

variable "vpc_endpoint_ids" {
  description = "VPC endpoints through which alone audit objects may be read; empty for no such rule"
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
