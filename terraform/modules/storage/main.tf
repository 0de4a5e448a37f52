# Models and configurations come in through one bucket; audit objects go out to another, written once.

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
      values   = [var.account_id]
    }
  }
}

data "aws_partition" "current" {}

locals {
  logs_arn = "arn:${data.aws_partition.current.partition}:s3:::${var.names.logs}"
}

module "logs" {
  source = "../bucket"

  name             = var.names.logs
  policy_documents = [data.aws_iam_policy_document.log_delivery.json]
  force_destroy    = var.force_destroy

  lifecycle_rules = {
    access-logs = { prefix = "", expire_after_days = 90, expire_noncurrent_after_days = 7 }
  }
}

module "models" {
  source = "../bucket"

  name          = var.names.models
  encryption    = { kms_key_arn = var.kms_key_arn }
  access_logs   = { bucket = module.logs.name }
  force_destroy = var.force_destroy

  lifecycle_rules = {
    old-models  = { prefix = var.prefixes.models, expire_noncurrent_after_days = 365 }
    old-configs = { prefix = var.prefixes.configs, expire_noncurrent_after_days = 365 }
  }
}

module "results" {
  source = "../bucket"

  name                = var.names.results
  encryption          = { kms_key_arn = var.kms_key_arn }
  object_lock         = var.object_lock
  access_logs         = { bucket = module.logs.name }
  event_notifications = true
  vpc_endpoint_ids    = var.vpc_endpoint_ids
  force_destroy       = var.force_destroy

  lifecycle_rules = {
    audit = {
      prefix            = var.prefixes.results
      expire_after_days = var.results_tiering.expire_after_days
      transitions = [
        for class, days in {
          (var.results_tiering.glacier_class) = var.results_tiering.glacier_after_days
          INTELLIGENT_TIERING                 = var.results_tiering.intelligent_tiering_after_days
        } : { days = days, storage_class = class } if days != null
      ]
    }
  }
}
