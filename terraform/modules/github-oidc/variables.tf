variable "name" {
  description = "Prefix of the role's name"
  type        = string
}

variable "region" {
  description = "Region of what is deployed"
  type        = string
}

variable "account_id" {
  description = "Account of what is deployed"
  type        = string
}

variable "repository" {
  description = "Repository on GitHub (owner/name) whose workflows may deploy"
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$", var.repository))
    error_message = "A repository is given as owner/name."
  }
}

variable "github_environment" {
  description = "Environment on GitHub, with its reviewers, that a workflow has to run in"
  type        = string
  default     = "prod"
  nullable    = false
}

variable "create_provider" {
  description = "Whether GitHub's identity provider is made; an account has one"
  type        = bool
  default     = true
  nullable    = false
}

variable "image_repository_arn" {
  description = "Repository of images that a workflow may push to"
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

variable "passed_role_arns" {
  description = "Roles of tasks that a new task definition may name"
  type        = list(string)
}

variable "function_arns" {
  description = "Functions whose code a workflow may change"
  type        = list(string)
  default     = []
  nullable    = false
}
