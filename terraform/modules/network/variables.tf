variable "name" {
  description = "Prefix of the names of everything here"
  type        = string
}

variable "region" {
  description = "Region, part of the names of VPC endpoint services"
  type        = string
}

variable "account_id" {
  description = "Account whose principals and resources alone the VPC endpoints serve"
  type        = string
}

variable "organization_id" {
  description = "Organisation (o-…) whose principals the VPC endpoints serve besides the account's own; null for none"
  type        = string
  default     = null
}

variable "cidr_block" {
  description = "Addresses of the VPC, a /16 to /22 of a private range"
  type        = string
  default     = "10.64.0.0/16"
  nullable    = false

  validation {
    condition     = can(cidrhost(var.cidr_block, 0)) && can(regex("^(10|172\\.(1[6-9]|2[0-9]|3[01])|192\\.168)\\..*/(1[6-9]|2[0-2])$", var.cidr_block))
    error_message = "The VPC needs a /16 to /22 of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16."
  }
}

variable "availability_zones" {
  description = "Zones that get a private subnet each"
  type        = list(string)

  validation {
    condition     = length(var.availability_zones) >= 2 && length(var.availability_zones) <= 6 && length(distinct(var.availability_zones)) == length(var.availability_zones)
    error_message = "Two to six different zones."
  }
}

variable "interface_endpoints" {
  description = "AWS services that are reached through interface endpoints, by the last part of the endpoint service's name. There is no other way out of the VPC"
  type        = set(string)
  default = [
    "acm-pca", "bedrock-runtime", "ecr.api", "ecr.dkr", "ecs", "ecs-agent", "ecs-telemetry", "events", "execute-api",
    "guardduty-data", "kms", "lambda", "logs", "monitoring", "secretsmanager", "sns", "sts", "xray",
  ]
  nullable = false

  validation {
    condition     = length(setsubtract(["ecr.api", "ecr.dkr", "kms", "logs", "monitoring", "secretsmanager", "sts"], var.interface_endpoints)) == 0
    error_message = "The service does not run without ecr.api, ecr.dkr, kms, logs, monitoring, secretsmanager and sts."
  }
}

variable "s3_prefix_list" {
  description = "S3's managed prefix list in this region: its id and addresses. Null looks it up"
  type = object({
    id          = string
    cidr_blocks = list(string)
  })
  default = null
}

variable "service_port" {
  description = "Port of the service"
  type        = number
  default     = 8443
  nullable    = false
}

variable "client_cidr_blocks" {
  description = "Private addresses outside the VPC (peered VPCs, a company network) that may call the service; its client certificates are checked as well"
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for block in var.client_cidr_blocks : can(regex("^(10|172\\.(1[6-9]|2[0-9]|3[01])|192\\.168)\\.[0-9.]+/([89]|[12][0-9]|3[0-2])$", block))])
    error_message = "Only private IPv4 ranges may call the service."
  }
}

variable "client_security_group_ids" {
  description = "Security groups whose members may call the service"
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "dns_firewall" {
  description = "Whether names outside allowed_domains do not resolve within the VPC, and queries are logged"
  type        = bool
  default     = true
  nullable    = false
}

variable "allowed_domains" {
  description = "Domains that resolve within the VPC besides AWS's own and the service's"
  type        = list(string)
  default     = []
  nullable    = false
}

variable "private_model" {
  description = "A model in place of Bedrock that the filters call: its security groups by a name of your choice, or blocks of private addresses, and its port. Null for none"
  type = object({
    security_group_ids = optional(map(string), {})
    cidr_blocks        = optional(list(string), [])
    port               = optional(number, 443)
  })
  default = null

  validation {
    condition     = var.private_model == null || try(length(var.private_model.security_group_ids) + length(var.private_model.cidr_blocks) > 0, false)
    error_message = "A private model has a security group or blocks of addresses."
  }

  validation {
    condition     = alltrue([for block in try(var.private_model.cidr_blocks, []) : can(regex("^(10|172\\.(1[6-9]|2[0-9]|3[01])|192\\.168)\\.[0-9.]+/([89]|[12][0-9]|3[0-2])$", block))])
    error_message = "A private model has private IPv4 addresses."
  }

  validation {
    condition     = try(var.private_model.port, 443) == 443 || try(var.private_model.port, 443) >= 1024
    error_message = "A private model's port is 443 or from 1024 on: the network ACLs let no other out."
  }
}

variable "internal_domain" {
  description = "Private domain of the service in Cloud Map; it always resolves"
  type        = string
  default     = "llm-shield.internal"
  nullable    = false
}

variable "log_kms_key_arn" {
  description = "Key that log groups are encrypted with"
  type        = string
}

variable "log_retention_days" {
  description = "Days that flow logs and DNS query logs are kept"
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([7, 14, 30], var.log_retention_days)
    error_message = "Logs are kept for 7, 14 or 30 days."
  }
}
