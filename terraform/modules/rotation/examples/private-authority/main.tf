# Certificates that renew themselves every four days: the service's own and that of one application, signed by a private
# authority. Build the function's package first, with clients/lambda/scripts/deploy.sh.

provider "aws" {
  region = local.region
}

data "aws_caller_identity" "current" {}

locals {
  name       = "llm-shield-prod"
  region     = "eu-west-1"
  account_id = data.aws_caller_identity.current.account_id
  spiffe     = "spiffe://example.org/${local.name}"
  rotation   = { lambda_arn = module.rotation.function_arn, after_days = 4 }
}

module "keys" {
  source = "../../../keys"

  name       = local.name
  region     = local.region
  account_id = local.account_id
  users      = {}
}

module "network" {
  source = "../../../network"

  name               = local.name
  region             = local.region
  account_id         = local.account_id
  availability_zones = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
  log_kms_key_arn    = module.keys.arns.logs
}

module "certificates" {
  source = "../../../certificates"

  name = local.name
}

module "rotation" {
  source = "../.."

  name          = local.name
  region        = local.region
  account_id    = local.account_id
  authority_arn = module.certificates.authority_arn
  certificate_names = {
    "tls/key"          = ["api.llm-shield.internal", "${local.spiffe}/api"]
    "tls/clients/chat" = ["${local.spiffe}/chat"]
  }
  package           = var.package
  role_name         = "${local.name}-rotation"
  subnet_ids        = module.network.private_subnet_ids
  security_group_id = module.network.security_group_ids.filters
  key_arns          = module.keys.arns
}

# With the service's key its certificate is renewed, too.
module "secrets" {
  source = "../../../secrets"

  secrets = {
    "tls/cert"         = { description = "The service's certificate chain in PEM" }
    "tls/key"          = { description = "The service's private key in PEM", rotation = local.rotation }
    "tls/clients/chat" = { description = "Client certificate of chat", rotation = local.rotation }
  }
  kms_key_arn = module.keys.arns.secrets
  account_id  = local.account_id
}
