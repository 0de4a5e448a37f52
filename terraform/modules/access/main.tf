# The three classes of principals besides administrators: people (operators, auditors), services (the tasks' and filters'
# roles, beside what they run), and applications (a policy for each, to attach to the application's own role).

data "aws_partition" "current" {}

locals {
  arn         = "arn:${data.aws_partition.current.partition}"
  service_arn = "${local.arn}:ecs:${var.region}:${var.account_id}:service/${var.cluster_name}/${var.service_name}"
  people = {
    for who, arns in { operator = var.operator_arns, auditor = var.auditor_arns } : who => arns if length(arns) > 0
  }
}

data "aws_iam_policy_document" "people_trust" {
  for_each = local.people

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = local.people[each.key]
    }

    condition {
      test     = "Bool"
      variable = "aws:MultiFactorAuthPresent"
      values   = ["true"]
    }
  }
}

resource "aws_iam_role" "operator" {
  count = length(var.operator_arns) > 0 ? 1 : 0

  name                 = var.role_names.operator
  description          = "Looks after the service: its state, logs and alarms, a restart. No secret, no key, no audit record"
  assume_role_policy   = data.aws_iam_policy_document.people_trust["operator"].json
  max_session_duration = 3600
}

data "aws_iam_policy_document" "operator" {
  statement {
    sid       = "Service"
    actions   = ["ecs:DescribeServices", "ecs:UpdateService"]
    resources = [local.service_arn]
  }

  statement {
    sid       = "Tasks"
    actions   = ["ecs:DescribeTasks", "ecs:StopTask"]
    resources = ["${local.arn}:ecs:${var.region}:${var.account_id}:task/${var.cluster_name}/*"]
  }

  statement {
    sid       = "ListTasks"
    actions   = ["ecs:ListTasks"]
    resources = ["*"]

    condition {
      test     = "ArnEquals"
      variable = "ecs:cluster"
      values   = ["${local.arn}:ecs:${var.region}:${var.account_id}:cluster/${var.cluster_name}"]
    }
  }

  statement {
    sid       = "Logs"
    actions   = ["logs:DescribeLogStreams", "logs:FilterLogEvents", "logs:GetLogEvents", "logs:StartQuery"]
    resources = [var.log_group_arn, "${var.log_group_arn}:*"]
  }

  statement {
    sid = "Look"
    actions = [
      "cloudwatch:DescribeAlarms", "cloudwatch:GetDashboard", "cloudwatch:GetMetricData", "cloudwatch:ListDashboards",
      "cloudwatch:ListMetrics", "ecs:DescribeTaskDefinition", "elasticloadbalancing:DescribeTargetHealth",
      "logs:GetQueryResults",
    ]
    resources = ["*"] # reading; these actions have no resources, or none that a dashboard could do with
  }
}

resource "aws_iam_role_policy" "operator" {
  count = length(var.operator_arns) > 0 ? 1 : 0

  name   = "operate"
  role   = aws_iam_role.operator[0].id
  policy = data.aws_iam_policy_document.operator.json
}

resource "aws_iam_role" "auditor" {
  count = length(var.auditor_arns) > 0 ? 1 : 0

  name                 = var.role_names.auditor
  description          = "Reads and verifies the audit log; changes nothing"
  assume_role_policy   = data.aws_iam_policy_document.people_trust["auditor"].json
  max_session_duration = 3600
}

data "aws_iam_policy_document" "auditor" {
  statement {
    sid       = "Read"
    actions   = ["s3:GetObject", "s3:GetObjectRetention", "s3:GetObjectVersion"]
    resources = ["${var.results_bucket_arn}/${var.results_prefix}*"]
  }

  statement {
    sid       = "List"
    actions   = ["s3:GetBucketLocation", "s3:GetBucketObjectLockConfiguration", "s3:ListBucket", "s3:ListBucketVersions"]
    resources = [var.results_bucket_arn]
  }

  statement {
    sid       = "BucketKey"
    actions   = ["kms:Decrypt"]
    resources = [var.key_arns.buckets]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["s3.${var.region}.amazonaws.com"]
    }
  }

  statement {
    sid       = "OpenRecords"
    actions   = ["kms:Decrypt"]
    resources = [var.key_arns.audit]

    condition {
      test     = "Null"
      variable = "kms:EncryptionContext:purpose"
      values   = ["false"]
    }
  }

  statement {
    sid       = "Verify"
    actions   = ["kms:DescribeKey", "kms:GetPublicKey", "kms:Verify"]
    resources = [var.key_arns.signing]
  }
}

resource "aws_iam_role_policy" "auditor" {
  count = length(var.auditor_arns) > 0 ? 1 : 0

  name   = "audit"
  role   = aws_iam_role.auditor[0].id
  policy = data.aws_iam_policy_document.auditor.json
}

data "aws_iam_policy_document" "application" {
  for_each = var.client_secret_arns

  statement {
    sid       = "OwnCertificate"
    actions   = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"]
    resources = [each.value]
  }

  statement {
    sid       = "OpenOwnCertificate"
    actions   = ["kms:Decrypt"]
    resources = [var.key_arns.secrets]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["secretsmanager.${var.region}.amazonaws.com"]
    }
  }

  dynamic "statement" {
    for_each = var.api == null ? [] : [true]

    content {
      sid       = "CallApi"
      actions   = ["execute-api:Invoke"]
      resources = ["${var.api.execution_arn}/POST/v1/*", "${var.api.execution_arn}/POST/model/*"]
    }
  }
}

resource "aws_iam_policy" "application" {
  for_each = var.client_secret_arns

  name        = "${var.name}-application-${each.key}"
  description = "Lets ${each.key} read its own client certificate and call the private API"
  policy      = data.aws_iam_policy_document.application[each.key].json
}
