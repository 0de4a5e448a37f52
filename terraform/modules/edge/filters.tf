# The filters: clients of the service, in its VPC. Terraform makes the functions; clients/lambda/scripts/deploy.sh changes
# their code.

locals {
  filters = {
    input_filter  = "Asks the service about a prompt, the model for an answer, and the service about that"
    output_filter = "Asks the service about a model's output"
  }
  settings = merge(
    {
      LLM_SHIELD_ENDPOINT       = var.service_endpoint
      LLM_SHIELD_CLIENT_SECRET  = var.client_secret_arn
      LLM_SHIELD_ON_UNAVAILABLE = "block"
    },
    var.server_name == null ? {} : { LLM_SHIELD_SERVER_NAME = var.server_name },
    length(var.bedrock_model_arns) == 0 ? {} : { LLM_SHIELD_MODEL = "bedrock" },
    var.private_model_url == null ? {} : { LLM_SHIELD_MODEL = "http", LLM_SHIELD_MODEL_URL = var.private_model_url },
    var.bedrock_guardrail ? {
      LLM_SHIELD_GUARDRAIL_ID      = aws_bedrock_guardrail.this[0].guardrail_id
      LLM_SHIELD_GUARDRAIL_VERSION = aws_bedrock_guardrail_version.this[0].version
    } : {},
    var.environment,
  )
}

resource "aws_cloudwatch_log_group" "filter" {
  for_each = local.filters

  name              = "/aws/lambda/${var.name}-${replace(each.key, "_", "-")}"
  kms_key_id        = var.key_arns.logs
  retention_in_days = var.log_retention_days
}

resource "aws_sqs_queue" "failed" {
  name                       = "${var.name}-filters-failed"
  kms_master_key_id          = var.key_arns.events
  message_retention_seconds  = 1209600
  visibility_timeout_seconds = 60
}

resource "aws_lambda_function" "filter" {
  for_each = local.filters

  function_name                  = "${var.name}-${replace(each.key, "_", "-")}"
  description                    = each.value
  role                           = aws_iam_role.filters.arn
  runtime                        = "provided.al2023"
  handler                        = "bootstrap"
  architectures                  = [var.architecture]
  filename                       = coalesce(var.packages[each.key], "${path.module}/not-deployed.zip")
  memory_size                    = var.memory_mb
  timeout                        = var.timeout_seconds
  reserved_concurrent_executions = var.reserved_concurrency
  kms_key_arn                    = var.key_arns.events

  environment {
    variables = local.settings
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

  # deploy.sh is the one that changes the code.
  lifecycle {
    ignore_changes = [filename]
  }

  depends_on = [aws_cloudwatch_log_group.filter, aws_iam_role_policy.filters]
}

resource "aws_lambda_permission" "api" {
  for_each = local.routes

  statement_id   = "api-${replace(each.key, "/[^A-Za-z0-9]+/", "-")}"
  action         = "lambda:InvokeFunction"
  function_name  = aws_lambda_function.filter[each.value.filter].function_name
  principal      = "apigateway.amazonaws.com"
  source_account = var.account_id
  source_arn     = "${aws_api_gateway_rest_api.this.execution_arn}/*/POST/${replace(each.key, "{modelId}", "*")}"
}

data "aws_iam_policy_document" "filters_trust" {
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

resource "aws_iam_role" "filters" {
  name               = var.role_name
  description        = "What the filters may do: ask the service, and invoke the named models"
  assume_role_policy = data.aws_iam_policy_document.filters_trust.json
}

data "aws_iam_policy_document" "filters" {
  statement {
    sid       = "Log"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = [for group in aws_cloudwatch_log_group.filter : "${group.arn}:*"]
  }

  statement {
    sid       = "ClientCertificate"
    actions   = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"]
    resources = [var.client_secret_arn]
  }

  statement {
    sid       = "OpenClientCertificate"
    actions   = ["kms:Decrypt"]
    resources = [var.key_arns.secrets]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["secretsmanager.${var.region}.amazonaws.com"]
    }
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

  # The function's own code cannot use them: it has no business with network interfaces.
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
      values   = ["arn:${data.aws_partition.current.partition}:lambda:${var.region}:${var.account_id}:function:${var.name}-*"]
    }
  }

  statement {
    sid       = "Traces"
    actions   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
    resources = ["*"] # these actions have no resources
  }

  dynamic "statement" {
    for_each = length(var.bedrock_model_arns) == 0 ? [] : [var.bedrock_model_arns]

    content {
      sid       = "InvokeModels"
      actions   = ["bedrock:InvokeModel"]
      resources = statement.value

      dynamic "condition" {
        for_each = var.bedrock_guardrail ? [aws_bedrock_guardrail.this[0].guardrail_arn] : []

        content {
          test     = "ArnLike"
          variable = "bedrock:GuardrailIdentifier"
          values   = ["${condition.value}:*"]
        }
      }
    }
  }

  dynamic "statement" {
    for_each = var.bedrock_guardrail ? [aws_bedrock_guardrail.this[0].guardrail_arn] : []

    content {
      sid       = "ApplyGuardrail"
      actions   = ["bedrock:ApplyGuardrail"]
      resources = [statement.value]
    }
  }
}

resource "aws_iam_role_policy" "filters" {
  name   = "filters"
  role   = aws_iam_role.filters.id
  policy = data.aws_iam_policy_document.filters.json
}

# Bedrock's own opinion beside ours, where it is asked for.

resource "aws_bedrock_guardrail" "this" {
  count = var.bedrock_guardrail ? 1 : 0

  name                      = var.name
  description               = "Beside llm-shield: AWS's own judgement of prompts"
  blocked_input_messaging   = "This request was blocked."
  blocked_outputs_messaging = "This answer was blocked."
  kms_key_arn               = var.key_arns.events

  content_policy_config {
    filters_config {
      type            = "PROMPT_ATTACK"
      input_strength  = "HIGH"
      output_strength = "NONE"
    }
  }
}

resource "aws_bedrock_guardrail_version" "this" {
  count = var.bedrock_guardrail ? 1 : 0

  guardrail_arn = aws_bedrock_guardrail.this[0].guardrail_arn
  description   = "What the filters name"
}
