# Two roles: what starts a task may fetch its image and write its log; what runs in it may do what the service does.

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["${local.cluster_arn}:*"]
    }
  }
}

resource "aws_iam_role" "execution" {
  name               = var.role_names.execution
  description        = "Starts tasks: fetches the image, writes the log"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

data "aws_iam_policy_document" "execution" {
  statement {
    sid       = "Token"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"] # the action has no resources
  }

  statement {
    sid       = "Image"
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = ["${local.arn}:ecr:${var.region}:${var.account_id}:repository/*"]
  }

  # GuardDuty puts its agent beside each task, and the task's start fetches it: from a repository of GuardDuty's own, whose
  # account is another in each region. Pulled, never pushed.
  statement {
    sid       = "GuardDutyAgent"
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = ["${local.arn}:ecr:${var.region}:*:repository/aws-guardduty-agent-fargate"]
  }

  statement {
    sid       = "Log"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.this.arn}:*"]
  }
}

resource "aws_iam_role_policy" "execution" {
  name   = "start"
  role   = aws_iam_role.execution.id
  policy = data.aws_iam_policy_document.execution.json
}

resource "aws_iam_role" "task" {
  name               = var.role_names.task
  description        = "What the service itself may do"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

data "aws_iam_policy_document" "task" {
  statement {
    sid       = "Secrets"
    actions   = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"]
    resources = var.secret_arns
  }

  statement {
    sid       = "OpenSecrets"
    actions   = ["kms:Decrypt"]
    resources = [var.key_arns.secrets]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["secretsmanager.${var.region}.amazonaws.com"]
    }
  }

  statement {
    sid       = "SealAudit"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
    resources = [var.key_arns.audit]

    # ForAllValues holds where there is no context at all: so the purpose has to be there, too.
    condition {
      test     = "ForAllValues:StringEquals"
      variable = "kms:EncryptionContextKeys"
      values   = ["log", "purpose", "segment", "subject", "tenant"]
    }

    condition {
      test     = "Null"
      variable = "kms:EncryptionContext:purpose"
      values   = ["false"]
    }
  }

  statement {
    sid       = "SignCheckpoints"
    actions   = ["kms:GetPublicKey", "kms:Sign", "kms:Verify"]
    resources = [var.key_arns.signing]
  }

  statement {
    sid       = "DescribeKeys"
    actions   = ["kms:DescribeKey"]
    resources = [var.key_arns.audit, var.key_arns.signing]
  }

  # Models and policies are read; nobody changes them from within the service.
  statement {
    sid       = "ReadModels"
    actions   = ["s3:GetObject", "s3:GetObjectVersion"]
    resources = ["${var.buckets.models.arn}/${var.prefixes.models}*", "${var.buckets.models.arn}/${var.prefixes.configs}*"]
  }

  # Written once, under Object Lock: no right to delete, none to shorten a retention.
  statement {
    sid       = "Audit"
    actions   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
    resources = ["${var.buckets.results.arn}/${var.prefixes.results}*"]
  }

  dynamic "statement" {
    for_each = var.object_lock ? [true] : []

    content {
      sid       = "Retention"
      actions   = ["s3:GetObjectRetention", "s3:PutObjectLegalHold", "s3:PutObjectRetention"]
      resources = ["${var.buckets.results.arn}/${var.prefixes.results}*"]
    }
  }

  statement {
    sid       = "List"
    actions   = ["s3:GetBucketLocation", "s3:GetBucketObjectLockConfiguration", "s3:ListBucket"]
    resources = [var.buckets.models.arn, var.buckets.results.arn]
  }

  statement {
    sid       = "BucketKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.key_arns.buckets]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["s3.${var.region}.amazonaws.com"]
    }
  }

  statement {
    sid       = "Metrics"
    actions   = ["cloudwatch:PutMetricData"]
    resources = ["*"] # the action has no resources; the namespace bounds it

    condition {
      test     = "StringLike"
      variable = "cloudwatch:namespace"
      values   = [var.metrics_namespace, "${var.metrics_namespace}/*"]
    }
  }

  statement {
    sid       = "Log"
    actions   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    resources = [aws_cloudwatch_log_group.this.arn, "${aws_cloudwatch_log_group.this.arn}:*"]
  }

  dynamic "statement" {
    for_each = var.collector_image == null ? [] : [true]

    content {
      sid       = "Traces"
      actions   = ["xray:GetSamplingRules", "xray:GetSamplingTargets", "xray:PutTelemetryRecords", "xray:PutTraceSegments"]
      resources = ["*"] # these actions have no resources
    }
  }
}

resource "aws_iam_role_policy" "task" {
  name   = "service"
  role   = aws_iam_role.task.id
  policy = data.aws_iam_policy_document.task.json
}
