variable "name" {
  description = "Prefix of the names of everything here"
  type        = string
}

variable "region" {
  description = "Region of the alarms and dashboards"
  type        = string
}

variable "account_id" {
  description = "Account that is watched"
  type        = string
}

variable "trail_bucket_name" {
  description = "Name of the bucket that the trail goes to"
  type        = string
}

variable "config_bucket_name" {
  description = "Name of the bucket that Config delivers to"
  type        = string
}

variable "config_role_name" {
  description = "Name of Config's role. Keys name it in their policies"
  type        = string
}

variable "access_log_bucket" {
  description = "Bucket that server access logs are delivered to"
  type        = string
}

variable "key_arns" {
  description = "Keys by purpose: logs (the trail too), events"
  type = object({
    logs   = string
    events = string
  })
}

variable "data_bucket_arns" {
  description = "Buckets whose objects' reads and writes are in the trail"
  type        = list(string)
}

variable "object_lock" {
  description = "Retention of the trail"
  type = object({
    mode = string
    days = number
  })
  default  = { mode = "COMPLIANCE", days = 365 }
  nullable = false
}

variable "log_retention_days" {
  description = "Days that the trail is kept in its log group; in its bucket it is kept for as long as the Object Lock says"
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([7, 14, 30], var.log_retention_days)
    error_message = "Logs are kept for 7, 14 or 30 days."
  }
}

variable "guardduty" {
  description = "Whether GuardDuty is switched on here; false where the organisation has done so"
  type        = bool
  default     = true
  nullable    = false
}

variable "guardduty_plans" {
  description = "GuardDuty's protection plans that are on; all others are switched off. A plan costs by what it looks at: nothing, where the account has no such thing"
  type        = set(string)
  default = [
    "S3_DATA_EVENTS", "EKS_AUDIT_LOGS", "EBS_MALWARE_PROTECTION", "RDS_LOGIN_EVENTS", "LAMBDA_NETWORK_LOGS",
    "RUNTIME_MONITORING",
  ]
  nullable = false

  validation {
    condition = length(setsubtract(var.guardduty_plans, [
      "S3_DATA_EVENTS", "EKS_AUDIT_LOGS", "EBS_MALWARE_PROTECTION", "RDS_LOGIN_EVENTS", "LAMBDA_NETWORK_LOGS",
      "RUNTIME_MONITORING",
    ])) == 0
    error_message = "S3_DATA_EVENTS, EKS_AUDIT_LOGS, EBS_MALWARE_PROTECTION, RDS_LOGIN_EVENTS, LAMBDA_NETWORK_LOGS, RUNTIME_MONITORING."
  }
}

variable "security_hub" {
  description = "Whether Security Hub is switched on here, with its standards; false where the organisation has done so"
  type        = bool
  default     = true
  nullable    = false
}

variable "security_hub_standards" {
  description = "Standards by the last parts of their ARNs"
  type        = set(string)
  default = [
    "aws-foundational-security-best-practices/v/1.0.0",
    "cis-aws-foundations-benchmark/v/3.0.0",
    "nist-800-53/v/5.0.0",
  ]
  nullable = false
}

variable "config" {
  description = "Whether AWS Config records here; false where the organisation has a recorder, of which an account has one in a region"
  type        = bool
  default     = true
  nullable    = false
}

variable "finding_import" {
  description = "Whether the alarms of the service's own verdicts become findings in Security Hub"
  type        = bool
  default     = true
  nullable    = false
}

variable "alarm_emails" {
  description = "Addresses that alarms and findings are sent to; each has to confirm once"
  type        = set(string)
  default     = []
  nullable    = false
}

variable "metrics_namespace" {
  description = "CloudWatch namespace of the service's metrics"
  type        = string
  default     = "LLMShield"
  nullable    = false
}

variable "log_group_name" {
  description = "Log group of the service"
  type        = string
}

variable "cluster_name" {
  description = "Cluster of the service"
  type        = string
}

variable "service_name" {
  description = "Service in the cluster"
  type        = string
}

variable "balancer" {
  description = "The load balancer and its target group, as CloudWatch's dimensions name them"
  type = object({
    balancer     = string
    target_group = string
  })
}

variable "edge" {
  description = "The API's and the failed queue's names; null where there is no edge"
  type = object({
    api_name   = string
    queue_name = string
  })
  default = null
}

variable "thresholds" {
  description = "What an alarm is raised at, in five minutes: blocked requests, failed requests, the slowest hundredth in seconds"
  type = object({
    blocked     = optional(number, 100)
    errors      = optional(number, 10)
    p99_seconds = optional(number, 0.25)
  })
  default  = {}
  nullable = false
}

variable "force_destroy" {
  description = "Whether a destroy removes the trail's objects, too. What is under Object Lock stays"
  type        = bool
  default     = false
  nullable    = false
}
