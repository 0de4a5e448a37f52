variable "name" {
  description = "Prefix of the roles' names"
  type        = string
}

variable "region" {
  description = "Region of what the roles reach"
  type        = string
}

variable "account_id" {
  description = "Account of the roles"
  type        = string
}

variable "role_names" {
  description = "Names of the people's roles. Keys name the auditor's in their policies"
  type = object({
    operator = string
    auditor  = string
  })
}

variable "operator_arns" {
  description = "Principals that may become operators, with a second factor; empty: the role is not made"
  type        = list(string)
  default     = []
  nullable    = false
}

variable "auditor_arns" {
  description = "Principals that may become auditors, with a second factor; empty: the role is not made"
  type        = list(string)
  default     = []
  nullable    = false
}

variable "cluster_name" {
  description = "Cluster of the service"
  type        = string
}

variable "service_name" {
  description = "Service in the cluster"
  type        = string
}

variable "log_group_arn" {
  description = "Log group of the service"
  type        = string
}

variable "results_bucket_arn" {
  description = "Bucket of audit objects"
  type        = string
}

variable "results_prefix" {
  description = "Prefix of audit objects in it"
  type        = string
  default     = "scan-results/"
  nullable    = false
}

variable "key_arns" {
  description = "Keys by purpose: audit, signing, buckets, logs, secrets"
  type = object({
    audit   = string
    signing = string
    buckets = string
    logs    = string
    secrets = string
  })
}

variable "client_secret_arns" {
  description = "Client certificates by application: an application may read its own"
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "api" {
  description = "The private API that applications may call; null where there is no edge"
  type        = object({ execution_arn = string })
  default     = null
}
