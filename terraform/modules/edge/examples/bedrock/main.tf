# The private API and the filters in front of one model of Bedrock, which they invoke with the guardrail made here and
# not without. The service that they ask is there already. Until deploy.sh has put the filters in their places, the API
# answers 503.

provider "aws" {
  region = local.region
}

data "aws_caller_identity" "current" {}

locals {
  name       = "llm-shield-prod"
  region     = "us-east-1"
  account_id = data.aws_caller_identity.current.account_id
  model_id   = "amazon.nova-lite-v1:0"
}

module "keys" {
  source = "../../../keys"

  name              = local.name
  region            = local.region
  account_id        = local.account_id
  users             = {}
  bedrock_guardrail = true
}

module "network" {
  source = "../../../network"

  name               = local.name
  region             = local.region
  account_id         = local.account_id
  availability_zones = ["us-east-1a", "us-east-1b", "us-east-1c"]
  log_kms_key_arn    = module.keys.arns.logs
}

module "secrets" {
  source = "../../../secrets"

  secrets     = { "tls/clients/filters" = { description = "Client certificate of the Lambda filters" } }
  kms_key_arn = module.keys.arns.secrets
  account_id  = local.account_id
}

module "edge" {
  source = "../.."

  name              = local.name
  region            = local.region
  account_id        = local.account_id
  vpc_endpoint_id   = module.network.interface_endpoint_ids["execute-api"]
  subnet_ids        = module.network.private_subnet_ids
  security_group_id = module.network.security_group_ids.filters
  service_endpoint  = "${local.name}-0123456789abcdef.elb.${local.region}.amazonaws.com:8443"
  server_name       = "api.llm-shield.internal"
  key_arns          = module.keys.arns
  client_secret_arn = module.secrets.arns["tls/clients/filters"]
  role_name         = "${local.name}-filters"

  bedrock_model_arns = ["arn:aws:bedrock:${local.region}::foundation-model/${local.model_id}"]
  bedrock_guardrail  = true
  environment        = { LLM_SHIELD_MODEL_ID = local.model_id }

  applications = ["chat", "search"]
  throttle     = { rate_limit = 100, burst_limit = 200, daily_quota = 100000 }
}

output "invoke_url" {
  description = "Address of the API within the VPC"
  value       = module.edge.invoke_url
}
