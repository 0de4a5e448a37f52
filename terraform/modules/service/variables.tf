variable "name" {
  description = "Prefix of the names of everything here"
  type        = string
}

variable "region" {
  description = "Region that the tasks are told"
  type        = string
}

variable "account_id" {
  description = "Account that may have the roles assumed"
  type        = string
}

variable "image" {
  description = "Image of the service, by digest for production. Null: the tag of image_tag in the repository made here"
  type        = string
  default     = null
}

variable "image_tag" {
  description = "Tag in the repository made here that tasks run when no image is given"
  type        = string
  default     = "0.1.0"
  nullable    = false
}

variable "cpu_architecture" {
  description = "ARM64 or X86_64; the image has to be built for it"
  type        = string
  default     = "ARM64"
  nullable    = false

  validation {
    condition     = contains(["ARM64", "X86_64"], var.cpu_architecture)
    error_message = "ARM64 or X86_64."
  }
}

variable "size" {
  description = "CPU units (1024 a core) and memory in MiB of a task"
  type = object({
    cpu    = number
    memory = number
  })
  default  = { cpu = 1024, memory = 2048 }
  nullable = false

  validation {
    condition = contains(lookup({
      "512"   = range(1024, 4097, 1024)
      "1024"  = range(2048, 8193, 1024)
      "2048"  = range(4096, 16385, 1024)
      "4096"  = range(8192, 30721, 1024)
      "8192"  = range(16384, 61441, 4096)
      "16384" = range(32768, 122881, 8192)
    }, tostring(var.size.cpu), []), var.size.memory)
    error_message = "Fargate's table: 512 units with 1 to 4 GiB, 1024 with 2 to 8, 2048 with 4 to 16, 4096 with 8 to 30, 8192 with 16 to 60 in steps of 4, 16384 with 32 to 120 in steps of 8."
  }
}

variable "tasks" {
  description = "Fewest and most tasks"
  type = object({
    minimum = number
    maximum = number
  })
  default  = { minimum = 3, maximum = 12 }
  nullable = false

  validation {
    condition     = var.tasks.minimum >= 1 && var.tasks.maximum >= var.tasks.minimum
    error_message = "At least one task, and no fewer at most than at least."
  }
}

variable "scaling" {
  description = "What each task is held to: CPU in percent, and requests being worked on. enabled = false leaves the number of tasks as it is"
  type = object({
    enabled             = optional(bool, true)
    cpu_percent         = optional(number, 55)
    concurrent_requests = optional(number, 128)
  })
  default  = {}
  nullable = false
}

variable "vpc_id" {
  description = "The VPC"
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets of the tasks and the load balancer"
  type        = list(string)
}

variable "security_group_ids" {
  description = "Security groups of the load balancer and the tasks"
  type = object({
    balancer = string
    service  = string
  })
}

variable "port" {
  description = "Port of the service"
  type        = number
  default     = 8443
  nullable    = false
}

variable "internal_domain" {
  description = "Private domain in which Cloud Map names the tasks"
  type        = string
  default     = "llm-shield.internal"
  nullable    = false
}

variable "server_name" {
  description = "A DNS name in the service's certificate, which its own health check expects; null: the one in Cloud Map"
  type        = string
  default     = null
}

variable "log_group" {
  description = "Log group of the service, below /llm-shield/"
  type        = string
  default     = "/llm-shield/api"
  nullable    = false

  validation {
    condition     = startswith(var.log_group, "/llm-shield/")
    error_message = "By convention log groups lie below /llm-shield/."
  }
}

variable "log_retention_days" {
  description = "Days that logs are kept"
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([7, 14, 30], var.log_retention_days)
    error_message = "Logs are kept for 7, 14 or 30 days."
  }
}

variable "metrics_namespace" {
  description = "CloudWatch namespace of the service's metrics; what it sends lies in it and below it"
  type        = string
  default     = "LLMShield"
  nullable    = false
}

variable "key_arns" {
  description = "Keys by purpose: audit, signing, logs, secrets, buckets, events, tasks"
  type = object({
    audit   = string
    signing = string
    logs    = string
    secrets = string
    buckets = string
    events  = string
    tasks   = string
  })
}

variable "role_names" {
  description = "Names of the roles of the tasks and of their execution. Keys name them in their policies"
  type = object({
    task      = string
    execution = string
  })
}

variable "secret_arns" {
  description = "Secrets that tasks may read"
  type        = list(string)
}

variable "secret_names" {
  description = "Names of those secrets: what stands before cert, key and client_ca, and the key of pseudonyms"
  type = object({
    tls_prefix = optional(string, "llm-shield/tls/")
    redact_key = optional(string, "llm-shield/redact-key")
  })
  default  = {}
  nullable = false
}

variable "buckets" {
  description = "Buckets of models and configurations, and of audit objects"
  type = object({
    models  = object({ name = string, arn = string })
    results = object({ name = string, arn = string })
  })
}

variable "prefixes" {
  description = "Prefixes of models, configurations and audit objects in them"
  type = object({
    models  = optional(string, "models/")
    configs = optional(string, "configs/")
    results = optional(string, "scan-results/")
  })
  default  = {}
  nullable = false
}

variable "object_lock" {
  description = "Whether audit objects are written with a retention"
  type        = bool
  default     = true
  nullable    = false
}

variable "environment" {
  description = "Further settings of the service, by name of the environment variable (LLM_SHIELD__SECTION__KEY)"
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.environment) : startswith(name, "LLM_SHIELD__") || contains(["RUST_LOG"], name)])
    error_message = "Settings of the service begin with LLM_SHIELD__."
  }
}

variable "drain_seconds" {
  description = "Seconds that open requests have after SIGTERM; the task is stopped 20 seconds later"
  type        = number
  default     = 25
  nullable    = false

  validation {
    condition     = var.drain_seconds >= 5 && var.drain_seconds <= 100
    error_message = "5 to 100 seconds: Fargate kills a task after 120 at most."
  }
}

variable "collector_image" {
  description = "Image of the ADOT collector that takes traces beside each task; null for no traces. Fargate pulls it through the ECR endpoints, so it has to lie in a repository of yours"
  type        = string
  default     = null
}

variable "deletion_protection" {
  description = "Whether the load balancer refuses to be deleted"
  type        = bool
  default     = true
  nullable    = false
}

variable "force_delete" {
  description = "Whether a destroy removes the repository with its images"
  type        = bool
  default     = false
  nullable    = false
}
