# One key for each purpose, so that a grant for one opens nothing of another.

data "aws_partition" "current" {}

locals {
  root = "arn:${data.aws_partition.current.partition}:iam::${var.account_id}:root"
  # The account's root stands for its IAM policies. Named administrators are matched by aws:PrincipalArn, as is every
  # user of a key: a principal in a key policy has to exist, and the roles are made after the keys.
  role_arn = "arn:${data.aws_partition.current.partition}:iam::${var.account_id}:role"

  guardrail = var.bedrock_guardrail ? ["bedrock"] : []

  symmetric = {
    audit   = "Wraps the data keys that audit records are sealed with"
    logs    = "Encrypts log groups and the trail"
    secrets = "Encrypts secrets"
    buckets = "Encrypts buckets"
    events  = "Encrypts topics, queues, images and the environment of functions"
    tasks   = "Encrypts the disks of tasks"
  }
  policies = {
    audit   = data.aws_iam_policy_document.audit.json
    logs    = data.aws_iam_policy_document.logs.json
    secrets = data.aws_iam_policy_document.secrets.json
    buckets = data.aws_iam_policy_document.buckets.json
    events  = data.aws_iam_policy_document.events.json
    tasks   = data.aws_iam_policy_document.tasks.json
  }
}

resource "aws_kms_key" "symmetric" {
  for_each = local.symmetric

  description             = "${var.name}: ${each.value}"
  key_usage               = "ENCRYPT_DECRYPT"
  enable_key_rotation     = true
  rotation_period_in_days = var.rotation_period_in_days
  deletion_window_in_days = var.deletion_window_in_days
  policy                  = local.policies[each.key]
}

resource "aws_kms_alias" "symmetric" {
  for_each = local.symmetric

  name          = "alias/${var.name}/${each.key}"
  target_key_id = aws_kms_key.symmetric[each.key].key_id
}

# Asymmetric keys cannot be rotated: checkpoints name the key that signed them, a successor is a new key.
resource "aws_kms_key" "signing" {
  description              = "${var.name}: Signs the checkpoints of audit logs"
  key_usage                = "SIGN_VERIFY"
  customer_master_key_spec = "ECC_NIST_P256"
  deletion_window_in_days  = var.deletion_window_in_days
  policy                   = data.aws_iam_policy_document.signing.json
}

resource "aws_kms_alias" "signing" {
  name          = "alias/${var.name}/signing"
  target_key_id = aws_kms_key.signing.key_id
}
