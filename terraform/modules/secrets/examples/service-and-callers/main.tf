# The entries that the service and two applications read. They are empty: the role release, which the key knows, too,
# puts in what is in them.

provider "aws" {
  region = local.region
}

data "aws_caller_identity" "current" {}

locals {
  name         = "llm-shield-prod"
  region       = "eu-west-1"
  account_id   = data.aws_caller_identity.current.account_id
  applications = ["chat", "search"]
}

module "keys" {
  source = "../../../keys"

  name       = local.name
  region     = local.region
  account_id = local.account_id
  users      = { secrets = concat(["${local.name}-task", "release"], local.applications) }
}

module "secrets" {
  source = "../.."

  secrets = merge(
    {
      "tls/cert"      = { description = "The service's certificate chain in PEM" }
      "tls/key"       = { description = "The service's private key in PEM" }
      "tls/client_ca" = { description = "The authorities of callers' certificates in PEM" }
      "redact-key"    = { description = "What keys of reversible redactions are derived from: 32 random bytes or more" }
    },
    { for application in local.applications : "tls/clients/${application}" => { description = "Client certificate of ${application}" } },
  )
  kms_key_arn             = module.keys.arns.secrets
  account_id              = local.account_id
  recovery_window_in_days = 14
}

output "names" {
  description = "What to fill, with `aws secretsmanager put-secret-value`"
  value       = module.secrets.names
}
