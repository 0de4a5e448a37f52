variable "name" {
  description = "Prefix of the names of everything here"
  type        = string
}

variable "region" {
  description = "Region of the API"
  type        = string
}

variable "account_id" {
  description = "Account whose principals alone may call the API"
  type        = string
}

variable "vpc_endpoint_id" {
  description = "Interface endpoint of execute-api through which alone the API is reached"
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets of the filters"
  type        = list(string)
}

variable "security_group_id" {
  description = "Security group of the filters"
  type        = string
}

variable "service_endpoint" {
  description = "Address and port of the service that the filters ask"
  type        = string
}

variable "server_name" {
  description = "A DNS name in the service's certificate, where it is not that of service_endpoint"
  type        = string
  default     = null
}

variable "key_arns" {
  description = "Keys by purpose: logs, events, secrets"
  type = object({
    logs    = string
    events  = string
    secrets = string
  })
}

variable "client_secret_arn" {
  description = "Secret with the filters' client certificate"
  type        = string
}

variable "role_name" {
  description = "Name of the filters' role. Keys name it in their policies"
  type        = string
}

variable "packages" {
  description = "Packages (zip) of the filters as clients/lambda/scripts/deploy.sh builds them. Without one a function answers 503 until deploy.sh has put the filter in its place: closed, not open"
  type = object({
    input_filter  = optional(string)
    output_filter = optional(string)
  })
  default  = {}
  nullable = false
}

variable "architecture" {
  description = "arm64 or x86_64; the packages have to be built for it"
  type        = string
  default     = "arm64"
  nullable    = false

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "arm64 or x86_64."
  }
}

variable "memory_mb" {
  description = "Memory of a filter in MiB"
  type        = number
  default     = 256
  nullable    = false
}

variable "timeout_seconds" {
  description = "Seconds that a filter may take, the model's answer included; API Gateway waits for 29"
  type        = number
  default     = 28
  nullable    = false

  validation {
    condition     = var.timeout_seconds >= 1 && var.timeout_seconds <= 28
    error_message = "1 to 28 seconds."
  }
}

variable "reserved_concurrency" {
  description = "Most instances of each filter at one time; -1 for no reservation"
  type        = number
  default     = -1
  nullable    = false
}

variable "environment" {
  description = "Further settings of the filters, by name of the environment variable"
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "bedrock_model_arns" {
  description = "Bedrock models and inference profiles that the input filter may invoke; empty for none"
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.bedrock_model_arns : can(regex("^arn:aws[a-z-]*:bedrock:[a-z0-9-]*:[0-9]*:(foundation-model|inference-profile|application-inference-profile|provisioned-model|custom-model)/[^*]+$", arn))])
    error_message = "Exact ARNs of Bedrock models or inference profiles, without a wildcard."
  }
}

variable "bedrock_guardrail" {
  description = "Whether a Bedrock guardrail is made, and a model may be invoked with it only"
  type        = bool
  default     = false
  nullable    = false
}

variable "private_model_url" {
  description = "HTTPS address of a model within the VPC, in place of Bedrock; null for none"
  type        = string
  default     = null

  validation {
    condition     = var.private_model_url == null || startswith(coalesce(var.private_model_url, "x"), "https://")
    error_message = "A model is called over HTTPS only."
  }
}

variable "throttle" {
  description = "Requests a second and in a burst that the API takes, and requests a day of each application"
  type = object({
    rate_limit  = optional(number, 200)
    burst_limit = optional(number, 400)
    daily_quota = optional(number, 1000000)
  })
  default  = {}
  nullable = false
}

variable "requests_per_five_minutes" {
  description = "Requests of one address in five minutes, beyond which the firewall blocks it"
  type        = number
  default     = 10000
  nullable    = false

  validation {
    condition     = var.requests_per_five_minutes >= 10
    error_message = "The firewall counts from 10 on."
  }
}

variable "max_body_bytes" {
  description = "Largest body that is let through; beyond 64 KiB the firewall cannot look"
  type        = number
  default     = 65536
  nullable    = false

  validation {
    condition     = var.max_body_bytes >= 1024 && var.max_body_bytes <= 65536
    error_message = "1024 to 65536 bytes."
  }
}

variable "applications" {
  description = "Names of the applications that get an API key and a quota each"
  type        = set(string)
  default     = ["default"]
  nullable    = false
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

variable "manage_account_logging" {
  description = "Whether the role by which API Gateway writes logs is set here. There is one for each account and region"
  type        = bool
  default     = true
  nullable    = false
}
