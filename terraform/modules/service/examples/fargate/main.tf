# The service and what it needs, without an edge: applications in the VPC and in the company's network call it with
# their certificates. Tasks start when the secrets are filled and the image is in the repository.

provider "aws" {
  region = local.region
}

data "aws_caller_identity" "current" {}

locals {
  name       = "llm-shield-prod"
  region     = "eu-west-1"
  account_id = data.aws_caller_identity.current.account_id
  suffix     = "prod-${local.account_id}"
  roles      = { task = "${local.name}-task", execution = "${local.name}-execution" }
}

module "keys" {
  source = "../../../keys"

  name       = local.name
  region     = local.region
  account_id = local.account_id
  users = {
    audit_seal   = [local.roles.task]
    audit_sign   = [local.roles.task]
    audit_verify = [local.roles.task]
  }
}

module "network" {
  source = "../../../network"

  name                = local.name
  region              = local.region
  account_id          = local.account_id
  availability_zones  = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
  interface_endpoints = ["ecr.api", "ecr.dkr", "guardduty-data", "kms", "logs", "monitoring", "secretsmanager", "sts"]
  client_cidr_blocks  = ["10.20.0.0/16"]
  log_kms_key_arn     = module.keys.arns.logs
}

module "storage" {
  source = "../../../storage"

  names = {
    models  = "llm-shield-models-${local.suffix}"
    results = "llm-shield-results-${local.suffix}"
    logs    = "llm-shield-logs-${local.suffix}"
  }
  account_id  = local.account_id
  kms_key_arn = module.keys.arns.buckets
}

module "secrets" {
  source = "../../../secrets"

  secrets = {
    "tls/cert"      = { description = "The service's certificate chain in PEM" }
    "tls/key"       = { description = "The service's private key in PEM" }
    "tls/client_ca" = { description = "The authorities of callers' certificates in PEM" }
    "redact-key"    = { description = "What keys of reversible redactions are derived from: 32 random bytes or more" }
  }
  kms_key_arn = module.keys.arns.secrets
  account_id  = local.account_id
}

module "service" {
  source = "../.."

  name               = local.name
  region             = local.region
  account_id         = local.account_id
  image_tag          = "0.1.0"
  size               = { cpu = 2048, memory = 4096 }
  tasks              = { minimum = 3, maximum = 24 }
  scaling            = { cpu_percent = 60 }
  vpc_id             = module.network.vpc_id
  subnet_ids         = module.network.private_subnet_ids
  security_group_ids = module.network.security_group_ids
  key_arns           = module.keys.arns
  role_names         = local.roles
  secret_arns        = values(module.secrets.arns)
  buckets            = module.storage.buckets
  environment        = { LLM_SHIELD__AUDIT__CONTENT = "fingerprint" }
}

output "repository_url" {
  description = "Where the image is pushed to"
  value       = module.service.repository_url
}

output "endpoint" {
  description = "Address and port of the service within the VPC"
  value       = module.service.endpoint
}
