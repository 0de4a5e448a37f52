# A private API: reached through the VPC's endpoint only, by principals of this account only. Each request is looked at by
# the firewall, then by API Gateway's validation, then by the filters, which ask the service.

data "aws_partition" "current" {}

locals {
  # Each is a POST. Those of the input filter are where the models' own programs look; what streams is refused by the
  # filter, with a reason. Paths with a conversation in `messages` are held to the model below.
  routes = {
    "v1/chat"                                     = { filter = "input_filter", conversation = true }
    "v1/chat/completions"                         = { filter = "input_filter", conversation = true }
    "v1/responses"                                = { filter = "input_filter", conversation = false }
    "v1/messages"                                 = { filter = "input_filter", conversation = true }
    "v1/output"                                   = { filter = "output_filter", conversation = false }
    "model/{modelId}/converse"                    = { filter = "input_filter", conversation = true }
    "model/{modelId}/converse-stream"             = { filter = "input_filter", conversation = true }
    "model/{modelId}/invoke"                      = { filter = "input_filter", conversation = false }
    "model/{modelId}/invoke-with-response-stream" = { filter = "input_filter", conversation = false }
  }
  # The resources of those paths, by depth: v1, v1/chat, v1/chat/completions.
  parts = [for path in keys(local.routes) : split("/", path)]
  depths = {
    first  = toset([for parts in local.parts : parts[0]])
    second = toset([for parts in local.parts : join("/", slice(parts, 0, 2))])
    third  = toset([for parts in local.parts : join("/", parts) if length(parts) == 3])
  }
}

data "aws_iam_policy_document" "api" {
  statement {
    sid       = "OwnPrincipals"
    actions   = ["execute-api:Invoke"]
    resources = ["${aws_api_gateway_rest_api.this.execution_arn}/*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${data.aws_partition.current.partition}:iam::${var.account_id}:root"]
    }
  }

  statement {
    sid       = "DenyOtherWays"
    effect    = "Deny"
    actions   = ["execute-api:Invoke"]
    resources = ["${aws_api_gateway_rest_api.this.execution_arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "StringNotEquals"
      variable = "aws:SourceVpce"
      values   = [var.vpc_endpoint_id]
    }
  }
}

resource "aws_api_gateway_rest_api" "this" {
  name        = var.name
  description = "Prompts to the model and answers from it, both filtered"

  endpoint_configuration {
    types            = ["PRIVATE"]
    vpc_endpoint_ids = [var.vpc_endpoint_id]
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_api_gateway_rest_api_policy" "this" {
  rest_api_id = aws_api_gateway_rest_api.this.id
  policy      = data.aws_iam_policy_document.api.json
}

resource "aws_api_gateway_request_validator" "this" {
  name                        = "everything"
  rest_api_id                 = aws_api_gateway_rest_api.this.id
  validate_request_body       = true
  validate_request_parameters = true
}

# What OpenAI's, Anthropic's and Bedrock Converse's bodies have in common; the filters read the rest.
resource "aws_api_gateway_model" "chat" {
  rest_api_id  = aws_api_gateway_rest_api.this.id
  name         = "Chat"
  description  = "A conversation for a model"
  content_type = "application/json"
  schema = jsonencode({
    "$schema" = "http://json-schema.org/draft-04/schema#"
    title     = "Chat"
    type      = "object"
    required  = ["messages"]
    properties = {
      messages = {
        type     = "array"
        minItems = 1
        maxItems = 256
        items = {
          type     = "object"
          required = ["role", "content"]
          properties = {
            role    = { type = "string", maxLength = 32 }
            content = { type = ["string", "array", "null"], maxLength = var.max_body_bytes, maxItems = 256 }
          }
        }
      }
    }
  })
}

resource "aws_api_gateway_model" "object" {
  rest_api_id  = aws_api_gateway_rest_api.this.id
  name         = "Request"
  description  = "A request or an answer whose shape the filters judge"
  content_type = "application/json"
  schema = jsonencode({
    "$schema"     = "http://json-schema.org/draft-04/schema#"
    title         = "Request"
    type          = "object"
    minProperties = 1
    maxProperties = 64
  })
}

resource "aws_api_gateway_resource" "first" {
  for_each = local.depths.first

  rest_api_id = aws_api_gateway_rest_api.this.id
  parent_id   = aws_api_gateway_rest_api.this.root_resource_id
  path_part   = each.key
}

resource "aws_api_gateway_resource" "second" {
  for_each = local.depths.second

  rest_api_id = aws_api_gateway_rest_api.this.id
  parent_id   = aws_api_gateway_resource.first[split("/", each.key)[0]].id
  path_part   = split("/", each.key)[1]
}

resource "aws_api_gateway_resource" "third" {
  for_each = local.depths.third

  rest_api_id = aws_api_gateway_rest_api.this.id
  parent_id   = aws_api_gateway_resource.second[join("/", slice(split("/", each.key), 0, 2))].id
  path_part   = split("/", each.key)[2]
}

locals {
  resource_ids = { for path, resource in merge(aws_api_gateway_resource.second, aws_api_gateway_resource.third) : path => resource.id }
}

resource "aws_api_gateway_method" "route" {
  for_each = local.routes

  rest_api_id          = aws_api_gateway_rest_api.this.id
  resource_id          = local.resource_ids[each.key]
  http_method          = "POST"
  authorization        = "AWS_IAM"
  api_key_required     = true
  request_validator_id = aws_api_gateway_request_validator.this.id
  # Whatever the content type is called.
  request_models = { "$default" = each.value.conversation ? aws_api_gateway_model.chat.name : aws_api_gateway_model.object.name }
}

resource "aws_api_gateway_integration" "route" {
  for_each = local.routes

  rest_api_id             = aws_api_gateway_rest_api.this.id
  resource_id             = local.resource_ids[each.key]
  http_method             = aws_api_gateway_method.route[each.key].http_method
  type                    = "AWS_PROXY"
  integration_http_method = "POST"
  uri                     = aws_lambda_function.filter[each.value.filter].invoke_arn
  timeout_milliseconds    = 29000
}

resource "aws_api_gateway_deployment" "this" {
  rest_api_id = aws_api_gateway_rest_api.this.id
  description = "What the API is made of, by digest"

  # A change to any of these is in force only after a new deployment.
  triggers = {
    redeployment = sha1(jsonencode([
      local.routes, data.aws_iam_policy_document.api.json, aws_api_gateway_model.chat.schema,
      aws_api_gateway_model.object.schema, var.vpc_endpoint_id,
      aws_api_gateway_request_validator.this.id, [for method in aws_api_gateway_method.route : method.id],
      [for integration in aws_api_gateway_integration.route : integration.id],
    ]))
  }

  lifecycle {
    create_before_destroy = true
  }

  depends_on = [aws_api_gateway_rest_api_policy.this, aws_api_gateway_integration.route]
}

resource "aws_cloudwatch_log_group" "access" {
  name              = "/llm-shield/edge/${var.name}"
  kms_key_id        = var.key_arns.logs
  retention_in_days = var.log_retention_days
}

# API Gateway would make it itself, without our key and for ever.
resource "aws_cloudwatch_log_group" "execution" {
  name              = "API-Gateway-Execution-Logs_${aws_api_gateway_rest_api.this.id}/live"
  kms_key_id        = var.key_arns.logs
  retention_in_days = var.log_retention_days
}

resource "aws_api_gateway_stage" "this" {
  rest_api_id          = aws_api_gateway_rest_api.this.id
  deployment_id        = aws_api_gateway_deployment.this.id
  stage_name           = "live"
  description          = "The stage that applications call"
  xray_tracing_enabled = true

  # Who, what, when and how it ended: no body, no query.
  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.access.arn
    format = jsonencode({
      requestId   = "$context.requestId"
      time        = "$context.requestTime"
      method      = "$context.httpMethod"
      path        = "$context.resourcePath"
      status      = "$context.status"
      caller      = "$context.identity.userArn"
      vpce        = "$context.identity.vpceId"
      apiKeyId    = "$context.identity.apiKeyId"
      wafStatus   = "$context.waf.status"
      wafResponse = "$context.wafResponseCode"
      latencyMs   = "$context.responseLatency"
      error       = "$context.error.responseType"
    })
  }

  depends_on = [aws_api_gateway_account.this, aws_cloudwatch_log_group.execution]
}

# Requests are never logged by API Gateway itself: they hold prompts.
resource "aws_api_gateway_method_settings" "this" {
  rest_api_id = aws_api_gateway_rest_api.this.id
  stage_name  = aws_api_gateway_stage.this.stage_name
  method_path = "*/*"

  settings {
    metrics_enabled        = true
    logging_level          = "ERROR"
    data_trace_enabled     = false
    throttling_rate_limit  = var.throttle.rate_limit
    throttling_burst_limit = var.throttle.burst_limit
  }
}

resource "aws_api_gateway_usage_plan" "this" {
  name        = var.name
  description = "What each application may ask for"

  api_stages {
    api_id = aws_api_gateway_rest_api.this.id
    stage  = aws_api_gateway_stage.this.stage_name
  }

  throttle_settings {
    rate_limit  = var.throttle.rate_limit
    burst_limit = var.throttle.burst_limit
  }

  quota_settings {
    limit  = var.throttle.daily_quota
    period = "DAY"
  }
}

resource "aws_api_gateway_api_key" "this" {
  for_each = var.applications

  name        = "${var.name}-${each.key}"
  description = "Quota of ${each.key}; who calls is told by its signature, not by this"
}

resource "aws_api_gateway_usage_plan_key" "this" {
  for_each = var.applications

  usage_plan_id = aws_api_gateway_usage_plan.this.id
  key_id        = aws_api_gateway_api_key.this[each.key].id
  key_type      = "API_KEY"
}

# The account's role for API Gateway's own log.

data "aws_iam_policy_document" "gateway_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["apigateway.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "gateway" {
  statement {
    sid = "Logs"
    actions = [
      "logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogGroups", "logs:DescribeLogStreams",
      "logs:FilterLogEvents", "logs:GetLogEvents", "logs:PutLogEvents",
    ]
    # API Gateway checks for exactly these rights on all groups when the role is set.
    resources = ["*"]
  }
}

resource "aws_iam_role" "gateway" {
  count = var.manage_account_logging ? 1 : 0

  name               = "${var.name}-api-gateway-logs"
  description        = "Lets API Gateway write its log"
  assume_role_policy = data.aws_iam_policy_document.gateway_trust.json
}

resource "aws_iam_role_policy" "gateway" {
  count = var.manage_account_logging ? 1 : 0

  name   = "logs"
  role   = aws_iam_role.gateway[0].id
  policy = data.aws_iam_policy_document.gateway.json
}

resource "aws_api_gateway_account" "this" {
  count = var.manage_account_logging ? 1 : 0

  cloudwatch_role_arn = aws_iam_role.gateway[0].arn

  depends_on = [aws_iam_role_policy.gateway]
}
