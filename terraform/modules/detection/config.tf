# AWS Config: what the account looks like, and whether it is as it should be. It cannot deliver into a bucket that retains
# objects by default, so its bucket is one of its own, without Object Lock.

locals {
  config_bucket_arn = "${local.arn}:s3:::${var.config_bucket_name}"

  config_rules = var.config ? {
    cloudtrail-enabled                = "CLOUD_TRAIL_ENABLED"
    cloudtrail-encryption             = "CLOUD_TRAIL_ENCRYPTION_ENABLED"
    cloudtrail-log-file-validation    = "CLOUD_TRAIL_LOG_FILE_VALIDATION_ENABLED"
    cloudwatch-log-group-encrypted    = "CLOUDWATCH_LOG_GROUP_ENCRYPTED"
    ecs-containers-readonly-access    = "ECS_CONTAINERS_READONLY_ACCESS"
    ecs-no-environment-secrets        = "ECS_NO_ENVIRONMENT_SECRETS"
    ecs-task-definition-nonroot-user  = "ECS_TASK_DEFINITION_NONROOT_USER"
    guardduty-enabled                 = "GUARDDUTY_ENABLED_CENTRALIZED"
    iam-policy-no-admin               = "IAM_POLICY_NO_STATEMENTS_WITH_ADMIN_ACCESS"
    iam-root-access-key               = "IAM_ROOT_ACCESS_KEY_CHECK"
    kms-not-scheduled-for-deletion    = "KMS_CMK_NOT_SCHEDULED_FOR_DELETION"
    lambda-inside-vpc                 = "LAMBDA_INSIDE_VPC"
    lambda-no-public-access           = "LAMBDA_FUNCTION_PUBLIC_ACCESS_PROHIBITED"
    s3-bucket-default-lock            = "S3_BUCKET_DEFAULT_LOCK_ENABLED"
    s3-bucket-public-read             = "S3_BUCKET_PUBLIC_READ_PROHIBITED"
    s3-bucket-public-write            = "S3_BUCKET_PUBLIC_WRITE_PROHIBITED"
    s3-bucket-tls-only                = "S3_BUCKET_SSL_REQUESTS_ONLY"
    secretsmanager-using-cmk          = "SECRETSMANAGER_USING_CMK"
    sns-encrypted                     = "SNS_ENCRYPTED_KMS"
    vpc-default-security-group-closed = "VPC_DEFAULT_SECURITY_GROUP_CLOSED"
    vpc-flow-logs-enabled             = "VPC_FLOW_LOGS_ENABLED"
  } : {}
  # Rules that say nothing without parameters.
  config_parameters = {
    ecs-no-environment-secrets = jsonencode({ secretKeys = "AWS_ACCESS_KEY_ID,AWS_SECRET_ACCESS_KEY" })
  }
}

data "aws_iam_policy_document" "config_bucket" {
  statement {
    sid       = "ConfigLook"
    actions   = ["s3:GetBucketAcl", "s3:ListBucket"]
    resources = [local.config_bucket_arn]

    principals {
      type        = "Service"
      identifiers = ["config.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }
  }

  statement {
    sid       = "ConfigWrite"
    actions   = ["s3:PutObject"]
    resources = ["${local.config_bucket_arn}/config/AWSLogs/${var.account_id}/*"]

    principals {
      type        = "Service"
      identifiers = ["config.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }
  }
}

module "config_bucket" {
  source = "../bucket"
  count  = var.config ? 1 : 0

  name             = var.config_bucket_name
  encryption       = { kms_key_arn = var.key_arns.logs }
  access_logs      = { bucket = var.access_log_bucket }
  policy_documents = [data.aws_iam_policy_document.config_bucket.json]
  force_destroy    = var.force_destroy
}

data "aws_iam_policy_document" "config_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["config.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }
  }
}

data "aws_iam_policy_document" "config" {
  statement {
    sid       = "Deliver"
    actions   = ["s3:PutObject"]
    resources = ["${local.config_bucket_arn}/config/AWSLogs/${var.account_id}/*"]
  }

  statement {
    sid       = "Look"
    actions   = ["s3:GetBucketAcl", "s3:ListBucket"]
    resources = [local.config_bucket_arn]
  }

  statement {
    sid       = "Encrypt"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.key_arns.logs]
  }
}

resource "aws_iam_role" "config" {
  count = var.config ? 1 : 0

  name               = var.config_role_name
  description        = "Lets AWS Config read the account's configuration and deliver it"
  assume_role_policy = data.aws_iam_policy_document.config_trust.json
}

resource "aws_iam_role_policy_attachment" "config" {
  count = var.config ? 1 : 0

  role       = aws_iam_role.config[0].name
  policy_arn = "${local.arn}:iam::aws:policy/service-role/AWS_ConfigRole"
}

resource "aws_iam_role_policy" "config" {
  count = var.config ? 1 : 0

  name   = "deliver"
  role   = aws_iam_role.config[0].id
  policy = data.aws_iam_policy_document.config.json
}

resource "aws_config_configuration_recorder" "this" {
  count = var.config ? 1 : 0

  name     = var.name
  role_arn = aws_iam_role.config[0].arn

  recording_group {
    all_supported                 = true
    include_global_resource_types = true
  }
}

resource "aws_config_delivery_channel" "this" {
  count = var.config ? 1 : 0

  name           = var.name
  s3_bucket_name = module.config_bucket[0].name
  s3_key_prefix  = "config"
  s3_kms_key_arn = var.key_arns.logs

  snapshot_delivery_properties {
    delivery_frequency = "TwentyFour_Hours"
  }

  # It tries the bucket when it is made.
  depends_on = [aws_config_configuration_recorder.this, module.config_bucket[0], aws_iam_role_policy.config]
}

resource "aws_config_configuration_recorder_status" "this" {
  count = var.config ? 1 : 0

  name       = aws_config_configuration_recorder.this[0].name
  is_enabled = true

  depends_on = [aws_config_delivery_channel.this]
}

resource "aws_config_config_rule" "this" {
  for_each = local.config_rules

  name             = "${var.name}-${each.key}"
  input_parameters = lookup(local.config_parameters, each.key, null)

  source {
    owner             = "AWS"
    source_identifier = each.value
  }

  depends_on = [aws_config_configuration_recorder.this]
}
