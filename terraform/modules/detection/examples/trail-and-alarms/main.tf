# What watches over a service that is there already, in an account that nobody else watches: the trail, GuardDuty with
# the plans that fit, Security Hub, Config, and mail on alarms.

provider "aws" {
  region = local.region
}

data "aws_caller_identity" "current" {}

locals {
  name        = "llm-shield-prod"
  region      = "eu-west-1"
  account_id  = data.aws_caller_identity.current.account_id
  suffix      = "prod-${local.account_id}"
  config_role = "${local.name}-config"
  retention   = { mode = "COMPLIANCE", days = 365 }
}

module "keys" {
  source = "../../../keys"

  name       = local.name
  region     = local.region
  account_id = local.account_id
  users      = { config = [local.config_role] }
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
  object_lock = local.retention
}

module "detection" {
  source = "../.."

  name               = local.name
  region             = local.region
  account_id         = local.account_id
  trail_bucket_name  = "llm-shield-trail-${local.suffix}"
  config_bucket_name = "llm-shield-config-${local.suffix}"
  config_role_name   = local.config_role
  access_log_bucket  = module.storage.buckets.logs.name
  data_bucket_arns   = [module.storage.buckets.models.arn, module.storage.buckets.results.arn]
  key_arns           = module.keys.arns
  object_lock        = local.retention

  guardduty_plans = ["S3_DATA_EVENTS", "LAMBDA_NETWORK_LOGS", "RUNTIME_MONITORING"]
  alarm_emails    = ["security@example.com"]
  thresholds      = { blocked = 50, p99_seconds = 0.1 }

  log_group_name = "/llm-shield/api"
  cluster_name   = local.name
  service_name   = local.name
  balancer = {
    balancer     = "net/${local.name}/0123456789abcdef"
    target_group = "targetgroup/${local.name}/0123456789abcdef"
  }
  edge = { api_name = local.name, queue_name = "${local.name}-filters-failed" }
}
