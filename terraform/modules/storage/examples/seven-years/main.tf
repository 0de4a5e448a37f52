# Buckets for models and for audit objects. Nobody can delete an audit object for seven years: it moves to cheaper
# classes and ends soon after. Try GOVERNANCE and a day first.

provider "aws" {
  region = local.region
}

data "aws_caller_identity" "current" {}

locals {
  name       = "llm-shield-prod"
  region     = "eu-west-1"
  account_id = data.aws_caller_identity.current.account_id
  suffix     = "prod-${local.account_id}"
}

module "keys" {
  source = "../../../keys"

  name       = local.name
  region     = local.region
  account_id = local.account_id
  users      = { buckets = ["${local.name}-task", "${local.name}-auditor", "release"] }
}

module "storage" {
  source = "../.."

  names = {
    models  = "llm-shield-models-${local.suffix}"
    results = "llm-shield-results-${local.suffix}"
    logs    = "llm-shield-logs-${local.suffix}"
  }
  account_id      = local.account_id
  kms_key_arn     = module.keys.arns.buckets
  object_lock     = { mode = "COMPLIANCE", days = 2557 }
  results_tiering = { glacier_after_days = 90, expire_after_days = 2600 }
}
