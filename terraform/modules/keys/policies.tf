# In a key's policy the resource "*" is this key alone.

# Administrators manage keys and cannot use them: no Encrypt, Decrypt, GenerateDataKey or Sign here.
data "aws_iam_policy_document" "administration" {
  statement {
    sid = "Administration"
    actions = [
      "kms:CancelKeyDeletion", "kms:CreateAlias", "kms:DeleteAlias", "kms:DescribeKey", "kms:DisableKey",
      "kms:DisableKeyRotation", "kms:EnableKey", "kms:EnableKeyRotation", "kms:GetKeyPolicy",
      "kms:GetKeyRotationStatus", "kms:ListGrants", "kms:ListKeyPolicies", "kms:ListKeyRotations",
      "kms:ListResourceTags", "kms:PutKeyPolicy", "kms:RevokeGrant", "kms:RotateKeyOnDemand", "kms:ScheduleKeyDeletion",
      "kms:TagResource", "kms:UntagResource", "kms:UpdateAlias", "kms:UpdateKeyDescription",
    ]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = [local.root]
    }

    dynamic "condition" {
      for_each = length(var.administrator_arns) == 0 ? [] : [var.administrator_arns]

      content {
        test     = "ArnLike"
        variable = "aws:PrincipalArn"
        values   = condition.value
      }
    }
  }
}

data "aws_iam_policy_document" "audit" {
  source_policy_documents = [data.aws_iam_policy_document.administration.json]

  # A data key without its purpose and tenant could be moved to another record: none is made or opened.
  dynamic "statement" {
    for_each = length(var.users.audit_seal) == 0 ? [] : [var.users.audit_seal]

    content {
      sid       = "Seal"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
      resources = ["*"]

      principals {
        type        = "AWS"
        identifiers = [local.root]
      }

      condition {
        test     = "ArnEquals"
        variable = "aws:PrincipalArn"
        values   = [for role in statement.value : "${local.role_arn}/${role}"]
      }

      condition {
        test     = "Null"
        variable = "kms:EncryptionContext:purpose"
        values   = ["false"]
      }

      condition {
        test     = "Null"
        variable = "kms:EncryptionContext:tenant"
        values   = ["false"]
      }
    }
  }

  dynamic "statement" {
    for_each = length(var.users.audit_open) == 0 ? [] : [var.users.audit_open]

    content {
      sid       = "Open"
      actions   = ["kms:Decrypt"]
      resources = ["*"]

      principals {
        type        = "AWS"
        identifiers = [local.root]
      }

      condition {
        test     = "ArnEquals"
        variable = "aws:PrincipalArn"
        values   = [for role in statement.value : "${local.role_arn}/${role}"]
      }

      condition {
        test     = "Null"
        variable = "kms:EncryptionContext:purpose"
        values   = ["false"]
      }

      condition {
        test     = "Null"
        variable = "kms:EncryptionContext:tenant"
        values   = ["false"]
      }
    }
  }

  dynamic "statement" {
    for_each = length(concat(var.users.audit_seal, var.users.audit_open)) == 0 ? [] : [true]

    content {
      sid       = "Describe"
      actions   = ["kms:DescribeKey"]
      resources = ["*"]

      principals {
        type        = "AWS"
        identifiers = [local.root]
      }

      condition {
        test     = "ArnEquals"
        variable = "aws:PrincipalArn"
        values   = [for role in concat(var.users.audit_seal, var.users.audit_open) : "${local.role_arn}/${role}"]
      }
    }
  }
}

data "aws_iam_policy_document" "signing" {
  source_policy_documents = [data.aws_iam_policy_document.administration.json]

  dynamic "statement" {
    for_each = length(var.users.audit_sign) == 0 ? [] : [var.users.audit_sign]

    content {
      sid       = "Sign"
      actions   = ["kms:Sign"]
      resources = ["*"]

      principals {
        type        = "AWS"
        identifiers = [local.root]
      }

      condition {
        test     = "ArnEquals"
        variable = "aws:PrincipalArn"
        values   = [for role in statement.value : "${local.role_arn}/${role}"]
      }

      condition {
        test     = "StringEquals"
        variable = "kms:SigningAlgorithm"
        values   = ["ECDSA_SHA_256"]
      }

      condition {
        test     = "StringEquals"
        variable = "kms:MessageType"
        values   = ["RAW"]
      }
    }
  }

  dynamic "statement" {
    for_each = length(var.users.audit_verify) == 0 ? [] : [var.users.audit_verify]

    content {
      sid       = "Verify"
      actions   = ["kms:GetPublicKey", "kms:Verify"]
      resources = ["*"]

      principals {
        type        = "AWS"
        identifiers = [local.root]
      }

      condition {
        test     = "ArnEquals"
        variable = "aws:PrincipalArn"
        values   = [for role in statement.value : "${local.role_arn}/${role}"]
      }
    }
  }
}

data "aws_iam_policy_document" "logs" {
  source_policy_documents = [data.aws_iam_policy_document.administration.json]

  statement {
    sid = "LogGroups"
    actions = [
      "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom",
      "kms:ReEncryptTo",
    ]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["logs.${var.region}.amazonaws.com"]
    }

    condition {
      test     = "ArnLike"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values   = ["arn:${data.aws_partition.current.partition}:logs:${var.region}:${var.account_id}:log-group:*"]
    }
  }

  statement {
    sid       = "Trail"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["cloudtrail.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }

    condition {
      test     = "StringLike"
      variable = "kms:EncryptionContext:aws:cloudtrail:arn"
      values   = ["arn:${data.aws_partition.current.partition}:cloudtrail:*:${var.account_id}:trail/*"]
    }
  }

  # A description has no encryption context.
  statement {
    sid       = "Describe"
    actions   = ["kms:DescribeKey"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["cloudtrail.amazonaws.com", "logs.${var.region}.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }
  }

  statement {
    sid       = "Config"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = ["*"]

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

  # Config delivers as its role.
  dynamic "statement" {
    for_each = length(var.users.config) == 0 ? [] : [var.users.config]

    content {
      sid       = "ConfigDelivery"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = ["*"]

      principals {
        type        = "AWS"
        identifiers = [local.root]
      }

      condition {
        test     = "ArnEquals"
        variable = "aws:PrincipalArn"
        values   = [for role in statement.value : "${local.role_arn}/${role}"]
      }

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["s3.${var.region}.amazonaws.com"]
      }
    }
  }

  # Who may read the trail is said by IAM and the bucket.
  statement {
    sid       = "ReadTrail"
    actions   = ["kms:Decrypt"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = [local.root]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["s3.${var.region}.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "secrets" {
  source_policy_documents = [
    data.aws_iam_policy_document.administration.json,
    data.aws_iam_policy_document.via_service["secretsmanager"].json,
  ]

  # Secrets Manager asks the key with the rights of whoever makes a secret, and about no secret's content: by this version.
  statement {
    sid       = "MakeSecrets"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = [local.root]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["secretsmanager.${var.region}.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:EncryptionContext:SecretVersionId"
      values   = ["RequestToValidateKeyAccess"]
    }

    dynamic "condition" {
      for_each = length(var.administrator_arns) == 0 ? [] : [var.administrator_arns]

      content {
        test     = "ArnLike"
        variable = "aws:PrincipalArn"
        values   = condition.value
      }
    }
  }
}

data "aws_iam_policy_document" "buckets" {
  source_policy_documents = [
    data.aws_iam_policy_document.administration.json,
    data.aws_iam_policy_document.via_service["s3"].json,
  ]
}

# A use through one AWS service only, for what is ours: a stolen role can fetch what it may read, and decrypt nothing else.
data "aws_iam_policy_document" "via_service" {
  for_each = {
    secretsmanager = {
      roles   = var.users.secrets
      sid     = "SecretsManager"
      context = "SecretARN"
      ours    = "arn:${data.aws_partition.current.partition}:secretsmanager:${var.region}:${var.account_id}:secret:llm-shield/*"
    }
    s3 = {
      roles   = var.users.buckets
      sid     = "Buckets"
      context = "aws:s3:arn"
      ours    = "arn:${data.aws_partition.current.partition}:s3:::llm-shield-*"
    }
  }

  # A description has no encryption context.
  statement {
    sid       = "Describe"
    actions   = ["kms:DescribeKey"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = [local.root]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["${each.key}.${var.region}.amazonaws.com"]
    }
  }

  statement {
    sid       = each.value.sid
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = ["*"]

    condition {
      test     = "StringLike"
      variable = "kms:EncryptionContext:${each.value.context}"
      values   = [each.value.ours]
    }

    principals {
      type        = "AWS"
      identifiers = [local.root]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["${each.key}.${var.region}.amazonaws.com"]
    }

    dynamic "condition" {
      for_each = length(each.value.roles) == 0 ? [] : [each.value.roles]

      content {
        test     = "ArnLike"
        variable = "aws:PrincipalArn"
        values   = [for role in condition.value : "${local.role_arn}/${role}"]
      }
    }
  }
}

data "aws_iam_policy_document" "events" {
  source_policy_documents = [data.aws_iam_policy_document.administration.json]

  statement {
    sid       = "Publishers"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com", "events.amazonaws.com", "sns.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }
  }

  # The environment of functions, the dead-letter queue, and a guardrail for those who make it and those it judges for.
  statement {
    sid       = "Functions"
    actions   = ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = [local.root]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = [for service in concat(["lambda", "sqs", "sns", "ecr"], local.guardrail) : "${service}.${var.region}.amazonaws.com"]
    }
  }

  # Lambda holds a function's environment by a grant of the principal that configures it; ECR an image's key and Bedrock
  # a guardrail's likewise.
  statement {
    sid       = "Grants"
    actions   = ["kms:CreateGrant"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = [local.root]
    }

    condition {
      test     = "Bool"
      variable = "kms:GrantIsForAWSResource"
      values   = ["true"]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = [for service in concat(["lambda", "ecr"], local.guardrail) : "${service}.${var.region}.amazonaws.com"]
    }
  }
}

# Fargate encrypts what a task has on its disk, which is the copy of the certificates and what waits to be archived.
data "aws_iam_policy_document" "tasks" {
  source_policy_documents = [data.aws_iam_policy_document.administration.json]

  statement {
    sid       = "MakeDisks"
    actions   = ["kms:GenerateDataKeyWithoutPlaintext"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["fargate.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:EncryptionContext:aws:ecs:clusterAccount"
      values   = [var.account_id]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:EncryptionContext:aws:ecs:clusterName"
      values   = [var.name]
    }
  }

  statement {
    sid       = "OpenDisks"
    actions   = ["kms:CreateGrant"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["fargate.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:EncryptionContext:aws:ecs:clusterAccount"
      values   = [var.account_id]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:EncryptionContext:aws:ecs:clusterName"
      values   = [var.name]
    }

    condition {
      test     = "ForAllValues:StringEquals"
      variable = "kms:GrantOperations"
      values   = ["Decrypt"]
    }
  }
}
