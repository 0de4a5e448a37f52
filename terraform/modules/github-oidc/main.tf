# Deploys without a long-lived key: a workflow shows GitHub's token and gets a role for an hour. It may bring a new image
# and new code of functions; the infrastructure itself stays with those who run Terraform.

data "aws_partition" "current" {}

locals {
  arn          = "arn:${data.aws_partition.current.partition}"
  host         = "token.actions.githubusercontent.com"
  provider_arn = var.create_provider ? aws_iam_openid_connect_provider.this[0].arn : "${local.arn}:iam::${var.account_id}:oidc-provider/${local.host}"
}

resource "aws_iam_openid_connect_provider" "this" {
  count = var.create_provider ? 1 : 0

  url            = "https://${local.host}"
  client_id_list = ["sts.amazonaws.com"]
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [local.provider_arn]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.host}:aud"
      values   = ["sts.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.host}:sub"
      values   = ["repo:${var.repository}:environment:${var.github_environment}"]
    }
  }
}

data "aws_iam_policy_document" "deploy" {
  statement {
    sid       = "Token"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"] # the action has no resources
  }

  statement {
    sid = "Push"
    actions = [
      "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:DescribeImages",
      "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart",
    ]
    resources = [var.image_repository_arn]
  }

  statement {
    sid       = "Definitions"
    actions   = ["ecs:DescribeTaskDefinition", "ecs:RegisterTaskDefinition"]
    resources = ["*"] # describing has no resources; which roles a definition may name is bounded below
  }

  statement {
    sid       = "Roll"
    actions   = ["ecs:DescribeServices", "ecs:UpdateService"]
    resources = ["${local.arn}:ecs:${var.region}:${var.account_id}:service/${var.cluster_name}/${var.service_name}"]
  }

  statement {
    sid       = "PassRoles"
    actions   = ["iam:PassRole"]
    resources = var.passed_role_arns

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ecs-tasks.amazonaws.com"]
    }
  }

  dynamic "statement" {
    for_each = length(var.function_arns) == 0 ? [] : [var.function_arns]

    content {
      sid       = "Functions"
      actions   = ["lambda:GetFunction", "lambda:GetFunctionConfiguration", "lambda:PublishVersion", "lambda:UpdateFunctionCode"]
      resources = statement.value
    }
  }
}

resource "aws_iam_role" "this" {
  name                 = "${var.name}-deploy"
  description          = "Deploys from ${var.repository}"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  max_session_duration = 3600
}

resource "aws_iam_role_policy" "this" {
  name   = "deploy"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.deploy.json
}
