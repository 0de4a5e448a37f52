variable "name" {
  description = "Prefix of the names of everything here"
  type        = string
}

variable "region" {
  description = "Region of the secrets"
  type        = string
}

variable "account_id" {
  description = "Account of the secrets"
  type        = string
}

variable "authority_arn" {
  description = "Private authority that signs the certificates"
  type        = string
}

variable "certificate_names" {
  description = "SPIFFE IDs and DNS names in the certificate of each secret, by the secret's name below llm-shield/: a client's below tls/clients/, or tls/key, the service's key, with which tls/cert is renewed"
  type        = map(list(string))

  validation {
    condition     = alltrue([for name in keys(var.certificate_names) : name == "tls/key" || startswith(name, "tls/clients/")])
    error_message = "Certificates are those of tls/key and below tls/clients/."
  }

  validation {
    condition     = alltrue([for names in values(var.certificate_names) : length(names) > 0])
    error_message = "A certificate has one name at least."
  }
}

variable "certificate_days" {
  description = "Days that a certificate holds; an authority in short-lived mode signs for seven at most"
  type        = number
  default     = 7
  nullable    = false

  validation {
    condition     = var.certificate_days >= 2 && var.certificate_days <= 397
    error_message = "2 to 397 days."
  }
}

variable "package" {
  description = "Package (zip) of the function as scripts/deploy.sh builds it: target/lambda/rotate.zip"
  type        = string
}

variable "architecture" {
  description = "arm64 or x86_64; the package has to be built for it"
  type        = string
  default     = "arm64"
  nullable    = false

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "arm64 or x86_64."
  }
}

variable "role_name" {
  description = "Name of the function's role. Keys name it in their policies"
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets of the function"
  type        = list(string)
}

variable "security_group_id" {
  description = "Security group of the function, which reaches the interface endpoints"
  type        = string
}

variable "key_arns" {
  description = "Keys by purpose: logs, events, secrets"
  type = object({
    logs    = string
    events  = string
    secrets = string
  })
}

variable "reserved_concurrency" {
  description = "Most instances at one time; -1 for no reservation, for which a new account has no room"
  type        = number
  default     = -1
  nullable    = false
}

variable "log_retention_days" {
  description = "Days that the function's log is kept"
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([7, 14, 30], var.log_retention_days)
    error_message = "Logs are kept for 7, 14 or 30 days."
  }
}
