# === Where

variable "region" {
  description = "Region that everything lies in"
  type        = string
  default     = "us-east-1"
  nullable    = false
}

variable "account_id" {
  description = "Account that everything lies in; any other is refused. Null: the account of the credentials, looked up"
  type        = string
  default     = null

  validation {
    condition     = var.account_id == null || can(regex("^[0-9]{12}$", var.account_id))
    error_message = "An account's id has twelve digits."
  }
}

variable "organization_id" {
  description = "Organisation (o-…) whose principals may use the VPC's endpoints; null for the account's alone"
  type        = string
  default     = null
}

variable "availability_zones" {
  description = "Zones of the VPC; null: the first three of the region, looked up"
  type        = list(string)
  default     = null
}

variable "s3_prefix_list" {
  description = "S3's managed prefix list in the region: its id and addresses; null: looked up"
  type = object({
    id          = string
    cidr_blocks = list(string)
  })
  default = null
}

variable "endpoints" {
  description = "Addresses of AWS services for the provider, by its name of the service; `default` is for all that are not named. For emulators; empty for AWS"
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "s3_use_path_style" {
  description = "Whether buckets are addressed by path, as emulators need it"
  type        = bool
  default     = false
  nullable    = false
}

# === What it is called

variable "name" {
  description = "First part of all names"
  type        = string
  default     = "llm-shield"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "3 to 20 lower-case letters, digits and hyphens: names of load balancers are short."
  }
}

variable "environment" {
  description = "Second part of all names, such as dev or prod"
  type        = string
  default     = "dev"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,9}$", var.environment))
    error_message = "2 to 10 lower-case letters and digits."
  }
}

variable "bucket_suffix" {
  description = "Last part of buckets' names (llm-shield-models-…), which are unique over all of AWS; null: environment and account"
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of everything, besides Project, Environment and ManagedBy"
  type        = map(string)
  default     = {}
  nullable    = false
}

# === Network

variable "vpc_cidr_block" {
  description = "Addresses of the VPC"
  type        = string
  default     = "10.64.0.0/16"
  nullable    = false
}

variable "interface_endpoints" {
  description = "AWS services reached through interface endpoints; null: all that any part here may need"
  type        = set(string)
  default     = null

  validation {
    condition     = !var.edge || var.interface_endpoints == null || try(contains(var.interface_endpoints, "execute-api"), false)
    error_message = "The edge's API is reached through execute-api: name it here, or leave the edge out (edge = false)."
  }

  validation {
    condition     = length(var.bedrock_model_arns) == 0 || var.interface_endpoints == null || try(contains(var.interface_endpoints, "bedrock-runtime"), false)
    error_message = "Bedrock's models (bedrock_model_arns) are reached through bedrock-runtime: name it here."
  }

  validation {
    condition     = var.certificate_rotation == null || var.interface_endpoints == null || try(contains(var.interface_endpoints, "acm-pca"), false)
    error_message = "The private authority renews certificates (certificate_rotation) through acm-pca: name it here."
  }

  validation {
    condition     = var.collector_image == null || var.interface_endpoints == null || try(contains(var.interface_endpoints, "xray"), false)
    error_message = "The collector (collector_image) sends traces through xray: name it here."
  }
}

variable "client_cidr_blocks" {
  description = "Private addresses outside the VPC that may call the service"
  type        = list(string)
  default     = []
  nullable    = false
}

variable "client_security_group_ids" {
  description = "Security groups whose members may call the service, by what they are"
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "allowed_domains" {
  description = "Domains that resolve within the VPC besides AWS's own and the service's, such as that of private_model_url"
  type        = list(string)
  default     = []
  nullable    = false
}

variable "dns_firewall" {
  description = "Whether only listed names resolve within the VPC, and queries are logged"
  type        = bool
  default     = true
  nullable    = false
}

# === Who

variable "key_administrator_arns" {
  description = "Principals that alone may administer the keys; empty: whoever IAM lets. Name the ones that run Terraform, too"
  type        = list(string)
  default     = []
  nullable    = false
}

variable "publisher_role_names" {
  description = "Roles that put secrets, models and configurations in their places: with the service's own, the only ones that the keys of secrets and buckets serve. Empty: whoever IAM lets"
  type        = list(string)
  default     = []
  nullable    = false
}

variable "application_role_names" {
  description = "Roles of the applications, which open their own client certificates: the key of secrets has to know them where publisher_role_names is given"
  type        = list(string)
  default     = []
  nullable    = false
}

variable "operator_arns" {
  description = "Principals that may become operators, with a second factor"
  type        = list(string)
  default     = []
  nullable    = false
}

variable "auditor_arns" {
  description = "Principals that may become auditors, with a second factor"
  type        = list(string)
  default     = []
  nullable    = false
}

variable "applications" {
  description = "Applications: each gets an entry for its client certificate, a policy for its own role, and a key with a quota at the edge"
  type        = set(string)
  default     = ["default"]
  nullable    = false

  validation {
    condition     = alltrue([for application in var.applications : can(regex("^[a-z][a-z0-9-]{0,31}$", application)) && application != "filters"])
    error_message = "Names of applications have lower-case letters, digits and hyphens; filters is taken."
  }
}

variable "github_repository" {
  description = "Repository on GitHub (owner/name) whose workflows may deploy; null for none"
  type        = string
  default     = null
}

variable "create_provider" {
  description = "Whether GitHub's identity provider is made; false where the account has it, of which there is one"
  type        = bool
  default     = true
  nullable    = false
}

# === What is kept

variable "object_lock" {
  description = "Retention of audit objects and the trail. COMPLIANCE cannot be shortened by anyone"
  type = object({
    mode = string
    days = number
  })
  default  = { mode = "GOVERNANCE", days = 30 }
  nullable = false
}

variable "log_retention_days" {
  description = "Days that logs are kept: 7, 14 or 30"
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([7, 14, 30], var.log_retention_days)
    error_message = "Logs are kept for 7, 14 or 30 days."
  }
}

variable "secret_recovery_days" {
  description = "Days in which a deleted secret can be restored"
  type        = number
  default     = 30
  nullable    = false
}

variable "secret_rotation" {
  description = "Functions that renew secrets, by the secrets' names below llm-shield/, and how often"
  type = map(object({
    lambda_arn = string
    after_days = number
  }))
  default  = {}
  nullable = false

  validation {
    condition = length(setsubtract(keys(var.secret_rotation), concat(
      ["tls/cert", "tls/key", "tls/client_ca", "tls/clients/filters", "redact-key"],
      [for application in var.applications : "tls/clients/${application}"],
    ))) == 0
    error_message = "A name that is no secret's: tls/cert, tls/key, tls/client_ca, redact-key, tls/clients/filters or tls/clients/ with an application."
  }
}

variable "certificate_rotation" {
  description = "How the service's certificate (tls/cert with tls/key) and client certificates (below tls/clients/) are renewed by the private authority: the trust domain of their SPIFFE IDs (spiffe://DOMAIN/NAME/CLIENT), the package of the function as scripts/deploy.sh builds it, and after how many days. Null: they are not"
  type = object({
    trust_domain = string
    package      = string
    after_days   = optional(number, 4)
  })
  default = null

  validation {
    condition     = var.certificate_rotation == null || try(var.certificate_rotation.after_days >= 1 && var.certificate_rotation.after_days <= 5, false)
    error_message = "Certificates of the private authority hold seven days: 1 to 5."
  }

  validation {
    condition     = var.certificate_rotation == null || var.private_ca
    error_message = "Renewal needs the private authority (private_ca)."
  }

  validation {
    condition     = var.certificate_rotation == null || can(regex("^[a-z0-9][a-z0-9.-]*$", var.certificate_rotation.trust_domain))
    error_message = "A trust domain has lower-case letters, digits, dots and hyphens."
  }
}

variable "audit_reads_from_vpc_only" {
  description = "Whether audit objects may be read through the VPC's endpoint only: then stolen credentials read nothing elsewhere, and auditors have to work within the VPC"
  type        = bool
  default     = false
  nullable    = false
}

variable "force_destroy" {
  description = "Whether a destroy removes objects and images, too. What is under Object Lock stays"
  type        = bool
  default     = false
  nullable    = false
}

variable "deletion_protection" {
  description = "Whether the load balancer refuses to be deleted"
  type        = bool
  default     = false
  nullable    = false
}

# === The service

variable "image" {
  description = "Image of the service, by digest; null: the tag image_tag in the repository made here"
  type        = string
  default     = null
}

variable "image_tag" {
  description = "Tag that tasks run when no image is given"
  type        = string
  default     = "0.1.0"
  nullable    = false
}

variable "cpu_architecture" {
  description = "ARM64 or X86_64, for tasks and filters"
  type        = string
  default     = "ARM64"
  nullable    = false
}

variable "task_size" {
  description = "CPU units (1024 a core) and memory in MiB of a task"
  type = object({
    cpu    = number
    memory = number
  })
  default  = { cpu = 1024, memory = 2048 }
  nullable = false
}

variable "tasks" {
  description = "Fewest and most tasks"
  type = object({
    minimum = number
    maximum = number
  })
  default  = { minimum = 3, maximum = 12 }
  nullable = false
}

variable "scaling" {
  description = "What each task is held to: CPU in percent, and requests being worked on"
  type = object({
    enabled             = optional(bool, true)
    cpu_percent         = optional(number, 55)
    concurrent_requests = optional(number, 128)
  })
  default  = {}
  nullable = false
}

variable "identities" {
  description = "Who may call the service, by the name in the client certificate: a SPIFFE ID (one that ends in /* stands for all below it) or a DNS name; see docs/configuration.md. Null: the filters and each of applications as scanner and redactor of the tenant default, by the SPIFFE IDs that certificate_rotation gives them (spiffe://DOMAIN/NAME/CALLER; DOMAIN is llm-shield.internal without it)"
  type = list(object({
    match     = string
    principal = optional(string)
    tenant    = string
    roles     = list(string)
  }))
  default = null

  validation {
    condition     = var.identities == null || try(length(var.identities) > 0, false)
    error_message = "Without an entry nobody could call, and the service does not start."
  }

  validation {
    condition     = alltrue(flatten([for identity in coalesce(var.identities, []) : [for role in identity.roles : contains(["scanner", "redactor", "restorer", "auditor", "admin"], role)]]))
    error_message = "The roles are scanner, redactor, restorer, auditor and admin."
  }
}

variable "settings" {
  description = "Further settings of the service: environment variables LLM_SHIELD__SECTION__KEY"
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "collector_image" {
  description = "Image of the ADOT collector that takes traces, in a repository of yours; null for no traces"
  type        = string
  default     = null
}

variable "private_ca" {
  description = "Whether a private certificate authority is made (50 USD a month). Without, certificates come from one of yours"
  type        = bool
  default     = true
  nullable    = false
}

# === The edge

variable "edge" {
  description = "Whether there is a private API with a firewall and the Lambda filters in front of a model"
  type        = bool
  default     = true
  nullable    = false
}

variable "filter_packages" {
  description = "Packages of the filters as clients/lambda/scripts/deploy.sh builds them; without, it puts them in place after this"
  type = object({
    input_filter  = optional(string)
    output_filter = optional(string)
  })
  default  = {}
  nullable = false
}

variable "filter_settings" {
  description = "Further settings of the filters, by name of the environment variable"
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "filter_concurrency" {
  description = "Most instances of each filter at one time; -1 for no reservation, as a new account has no room for one"
  type        = number
  default     = -1
  nullable    = false
}

variable "bedrock_model_arns" {
  description = "Bedrock models that the input filter may invoke, by exact ARN"
  type        = list(string)
  default     = []
  nullable    = false
}

variable "bedrock_guardrail" {
  description = "Whether models may be invoked only with a guardrail made here"
  type        = bool
  default     = false
  nullable    = false
}

variable "private_model_url" {
  description = "HTTPS address of a model in the VPC in place of Bedrock; its name has to resolve there (allowed_domains), and private_model_network says where it is"
  type        = string
  default     = null
}

variable "private_model_network" {
  description = "Where the model of private_model_url is, so that the filters' security group lets them out to it: security groups by a name of your choice, or blocks of private addresses; its port is 443 or from 1024 on"
  type = object({
    security_group_ids = optional(map(string), {})
    cidr_blocks        = optional(list(string), [])
    port               = optional(number, 443)
  })
  default = null
}

variable "edge_throttle" {
  description = "Requests a second and in a burst that the API takes, and requests a day of each application"
  type = object({
    rate_limit  = optional(number, 200)
    burst_limit = optional(number, 400)
    daily_quota = optional(number, 1000000)
  })
  default  = {}
  nullable = false
}

variable "manage_account_logging" {
  description = "Whether the role by which API Gateway writes logs is set here; false where the account's region has it, of which there is one"
  type        = bool
  default     = true
  nullable    = false
}

# === Detection

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
}

variable "security_hub" {
  description = "Whether Security Hub is switched on here; false where the organisation has done so"
  type        = bool
  default     = true
  nullable    = false
}

variable "finding_import" {
  description = "Whether alarms on the service's own verdicts become findings in Security Hub, which has to be on in the account; null: as security_hub"
  type        = bool
  default     = null
}

variable "config" {
  description = "Whether AWS Config records here; false where the organisation has done so"
  type        = bool
  default     = true
  nullable    = false
}

variable "alarm_emails" {
  description = "Addresses that alarms and findings are sent to"
  type        = set(string)
  default     = []
  nullable    = false
}
