# A network with a model of one's own in place of Bedrock: it has a subnet in the same VPC, and nobody reaches it but
# the filters. Its domain resolves, and Bedrock has no endpoint.

provider "aws" {
  region = local.region
}

data "aws_caller_identity" "current" {}

locals {
  name       = "llm-shield-prod"
  region     = "eu-west-1"
  account_id = data.aws_caller_identity.current.account_id

  # Behind the subnets of the zones, which are the first sixteenths of the VPC.
  model = { cidr_block = "10.64.240.0/24", port = 8443, domain = "models.example.com" }
}

module "keys" {
  source = "../../../keys"

  name       = local.name
  region     = local.region
  account_id = local.account_id
  users      = {}
}

module "network" {
  source = "../.."

  name               = local.name
  region             = local.region
  account_id         = local.account_id
  cidr_block         = "10.64.0.0/16"
  availability_zones = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
  private_model      = { security_group_ids = { model = aws_security_group.model.id }, port = local.model.port }
  allowed_domains    = [local.model.domain]
  log_kms_key_arn    = module.keys.arns.logs

  interface_endpoints = [
    "ecr.api", "ecr.dkr", "events", "execute-api", "guardduty-data", "kms", "lambda", "logs", "monitoring",
    "secretsmanager", "sns", "sts",
  ]
}

resource "aws_subnet" "model" {
  vpc_id                  = module.network.vpc_id
  availability_zone       = "eu-west-1a"
  cidr_block              = local.model.cidr_block
  map_public_ip_on_launch = false

  tags = { Name = "${local.name}-model" }
}

resource "aws_security_group" "model" {
  name        = "${local.name}-model"
  description = "The model"
  vpc_id      = module.network.vpc_id

  tags = { Name = "${local.name}-model" }
}

resource "aws_vpc_security_group_ingress_rule" "model_from_filters" {
  security_group_id            = aws_security_group.model.id
  description                  = "Lambda filters"
  referenced_security_group_id = module.network.security_group_ids.filters
  ip_protocol                  = "tcp"
  from_port                    = local.model.port
  to_port                      = local.model.port
}
