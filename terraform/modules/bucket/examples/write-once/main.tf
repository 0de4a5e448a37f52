# A bucket whose objects nobody can delete for a year, and the one that its access logs go to. Their key serves the role
# reports alone. Try GOVERNANCE first: what is under COMPLIANCE stays.

provider "aws" {
  region = local.region
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  name       = "llm-shield-reports"
  region     = "eu-west-1"
  account_id = data.aws_caller_identity.current.account_id
  logs_name  = "${local.name}-logs-${local.account_id}"
  logs_arn   = "arn:${data.aws_partition.current.partition}:s3:::${local.logs_name}"
}

module "keys" {
  source = "../../../keys"

  name       = local.name
  region     = local.region
  account_id = local.account_id
  users      = { buckets = ["reports"] }
}

data "aws_iam_policy_document" "log_delivery" {
  statement {
    sid       = "AccessLogs"
    actions   = ["s3:PutObject"]
    resources = ["${local.logs_arn}/*"]

    principals {
      type        = "Service"
      identifiers = ["logging.s3.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }
  }
}

module "logs" {
  source = "../.."

  name             = local.logs_name
  policy_documents = [data.aws_iam_policy_document.log_delivery.json]
  lifecycle_rules  = { access-logs = { prefix = "", expire_after_days = 90, expire_noncurrent_after_days = 7 } }
}

module "reports" {
  source = "../.."

  name                = "${local.name}-${local.account_id}"
  encryption          = { kms_key_arn = module.keys.arns.buckets }
  object_lock         = { mode = "COMPLIANCE", days = 365 }
  access_logs         = { bucket = module.logs.name }
  event_notifications = true

  lifecycle_rules = {
    reports = {
      prefix                       = "reports/"
      transitions                  = [{ days = 90, storage_class = "GLACIER_IR" }]
      expire_after_days            = 400
      expire_noncurrent_after_days = 30
    }
  }
}
