# Renews the client certificates below llm-shield/tls/clients, and the service's own in tls/key and tls/cert: a function
# that Secrets Manager calls, which has the private authority sign a new key for the names that each secret has. Callers
# and tasks find the new version by themselves.

data "aws_partition" "current" {}

locals {
  arn      = "arn:${data.aws_partition.current.partition}"
  function = "${var.name}-rotate"
  # By name, not by what was made: the secrets ask for the function, so it cannot wait for them. Secrets Manager adds six
  # characters to a secret's name.
  secret_names = concat(sort(keys(var.certificate_names)), contains(keys(var.certificate_names), "tls/key") ? ["tls/cert"] : [])
  secret_arns  = [for name in local.secret_names : "${local.arn}:secretsmanager:${var.region}:${var.account_id}:secret:llm-shield/${name}-??????"]
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/lambda/${local.function}"
  kms_key_id        = var.key_arns.logs
  retention_in_days = var.log_retention_days
}

resource "aws_sqs_queue" "failed" {
  name                       = "${local.function}-failed"
  kms_master_key_id          = var.key_arns.events
  message_retention_seconds  = 1209600
  visibility_timeout_seconds = 60
}

resource "aws_lambda_function" "this" {
  function_name                  = local.function
  description                    = "Renews certificates in Secrets Manager"
  role                           = aws_iam_role.this.arn
  runtime                        = "provided.al2023"
  handler                        = "bootstrap"
  architectures                  = [var.architecture]
  filename                       = var.package
  source_code_hash               = filebase64sha256(var.package)
  memory_size                    = 128
  timeout                        = 60
  reserved_concurrent_executions = var.reserved_concurrency
  kms_key_arn                    = var.key_arns.events

  environment {
    variables = {
      LLM_SHIELD_CERTIFICATE_AUTHORITY = var.authority_arn
      LLM_SHIELD_CERTIFICATE_NAMES     = jsonencode({ for name, names in var.certificate_names : "llm-shield/${name}" => names })
      LLM_SHIELD_CERTIFICATE_DAYS      = tostring(var.certificate_days)
    }
  }

  vpc_config {
    subnet_ids         = var.subnet_ids
    security_group_ids = [var.security_group_id]
  }

  dead_letter_config {
    target_arn = aws_sqs_queue.failed.arn
  }

  tracing_config {
    mode = "Active"
  }

  depends_on = [aws_cloudwatch_log_group.this, aws_iam_role_policy.this]
}

resource "aws_lambda_permission" "secrets_manager" {
  statement_id   = "secrets-manager"
  action         = "lambda:InvokeFunction"
  function_name  = aws_lambda_function.this.function_name
  principal      = "secretsmanager.amazonaws.com"
  source_account = var.account_id
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }
  }
}

resource "aws_iam_role" "this" {
  name               = var.role_name
  description        = "Renews certificates: signs them and puts them into their secrets"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

data "aws_iam_policy_document" "this" {
  statement {
    sid       = "Log"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.this.arn}:*"]
  }

  statement {
    sid = "Renew"
    actions = [
      "secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue",
      "secretsmanager:UpdateSecretVersionStage",
    ]
    resources = local.secret_arns
  }

  statement {
    sid       = "SecretsKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.key_arns.secrets]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["secretsmanager.${var.region}.amazonaws.com"]
    }
  }

  statement {
    sid       = "Issue"
    actions   = ["acm-pca:IssueCertificate"]
    resources = [var.authority_arn]

    condition {
      test     = "ArnLike"
      variable = "acm-pca:TemplateArn"
      values   = ["${local.arn}:acm-pca:::template/EndEntityCertificate/V*"]
    }
  }

  statement {
    sid       = "Fetch"
    actions   = ["acm-pca:GetCertificate", "acm-pca:GetCertificateAuthorityCertificate"]
    resources = [var.authority_arn]
  }

  statement {
    sid       = "FailedQueue"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.failed.arn]
  }

  statement {
    sid       = "EventsKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.key_arns.events]
  }

  # Lambda places a function in a VPC with these; they have no resources, or such as do not exist yet.
  statement {
    sid = "Network"
    actions = [
      "ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
      "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses",
    ]
    resources = ["*"]
  }

  # The function's own code cannot use them.
  statement {
    sid    = "DenyNetworkToCode"
    effect = "Deny"
    actions = [
      "ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
      "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses",
    ]
    resources = ["*"]

    condition {
      test     = "ArnLike"
      variable = "lambda:SourceFunctionArn"
      values   = ["${local.arn}:lambda:${var.region}:${var.account_id}:function:${local.function}"]
    }
  }

  statement {
    sid       = "Traces"
    actions   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
    resources = ["*"] # these actions have no resources
  }
}

resource "aws_iam_role_policy" "this" {
  name   = "rotate"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.this.json
}
