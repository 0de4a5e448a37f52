# The bucket for the state of the real thing, made once and by itself. Its own state is small: keep it, or move it into
# the bucket afterwards. See the README for the backend block.

data "aws_partition" "current" {}

data "aws_caller_identity" "current" {}

locals {
  bucket_arn = "arn:${data.aws_partition.current.partition}:s3:::${var.bucket_name}"
}

resource "aws_kms_key" "state" {
  #checkov:skip=CKV2_AWS_64: AWS's default policy leaves the key to the account's IAM policies, which is meant here
  description             = "Encrypts Terraform's state, which names everything there is"
  key_usage               = "ENCRYPT_DECRYPT"
  enable_key_rotation     = true
  deletion_window_in_days = 30
}

module "logs" {
  source = "../../modules/bucket"

  name             = "${var.bucket_name}-logs"
  policy_documents = [data.aws_iam_policy_document.log_delivery.json]
}

data "aws_iam_policy_document" "log_delivery" {
  statement {
    sid       = "AccessLogs"
    actions   = ["s3:PutObject"]
    resources = ["${local.bucket_arn}-logs/*"]

    principals {
      type        = "Service"
      identifiers = ["logging.s3.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }
}

module "state" {
  source = "../../modules/bucket"

  name        = var.bucket_name
  encryption  = { kms_key_arn = aws_kms_key.state.arn }
  access_logs = { bucket = module.logs.name }

  policy_documents = [data.aws_iam_policy_document.state.json]
  lifecycle_rules  = { old-states = { prefix = "", expire_noncurrent_after_days = 365 } }
}

# Whoever changes the state changes the infrastructure: only those named may.
data "aws_iam_policy_document" "state" {
  statement {
    sid       = "OthersNot"
    effect    = "Deny"
    actions   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
    resources = ["${local.bucket_arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "ArnNotLike"
      variable = "aws:PrincipalArn"
      values   = var.administrator_arns
    }
  }
}
