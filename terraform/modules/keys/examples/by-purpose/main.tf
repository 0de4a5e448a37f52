# A key for each purpose, and the roles that may use each, which need not exist yet. The role that runs Terraform
# administers the keys and can use none of them.

provider "aws" {
  region = local.region
}

data "aws_caller_identity" "current" {}

locals {
  name       = "llm-shield-prod"
  region     = "eu-west-1"
  account_id = data.aws_caller_identity.current.account_id
}

module "keys" {
  source = "../.."

  name               = local.name
  region             = local.region
  account_id         = local.account_id
  administrator_arns = ["arn:aws:iam::${local.account_id}:role/terraform"]

  users = {
    audit_seal   = ["${local.name}-task"]
    audit_open   = ["${local.name}-auditor"]
    audit_sign   = ["${local.name}-task"]
    audit_verify = ["${local.name}-task", "${local.name}-auditor"]
    config       = ["${local.name}-config"]
    secrets      = ["${local.name}-task", "${local.name}-filters", "release", "chat"]
    buckets      = ["${local.name}-task", "${local.name}-auditor", "release"]
  }

  rotation_period_in_days = 180
}

output "aliases" {
  description = "Aliases of the keys by purpose"
  value       = module.keys.aliases
}
