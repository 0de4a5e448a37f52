provider "aws" {
  region              = var.region
  allowed_account_ids = var.account_id == null ? null : [var.account_id]
  s3_use_path_style   = var.s3_use_path_style

  default_tags {
    tags = merge({ Project = var.name, Environment = var.environment, ManagedBy = "terraform" }, var.tags)
  }

  # For emulators and for endpoints of one's own; empty for AWS's.
  dynamic "endpoints" {
    for_each = length(var.endpoints) == 0 ? [] : [var.endpoints]

    content {
      acmpca                 = lookup(endpoints.value, "acmpca", lookup(endpoints.value, "default", null))
      apigateway             = lookup(endpoints.value, "apigateway", lookup(endpoints.value, "default", null))
      applicationautoscaling = lookup(endpoints.value, "applicationautoscaling", lookup(endpoints.value, "default", null))
      bedrock                = lookup(endpoints.value, "bedrock", lookup(endpoints.value, "default", null))
      cloudtrail             = lookup(endpoints.value, "cloudtrail", lookup(endpoints.value, "default", null))
      cloudwatch             = lookup(endpoints.value, "cloudwatch", lookup(endpoints.value, "default", null))
      configservice          = lookup(endpoints.value, "configservice", lookup(endpoints.value, "default", null))
      ec2                    = lookup(endpoints.value, "ec2", lookup(endpoints.value, "default", null))
      ecr                    = lookup(endpoints.value, "ecr", lookup(endpoints.value, "default", null))
      ecs                    = lookup(endpoints.value, "ecs", lookup(endpoints.value, "default", null))
      elbv2                  = lookup(endpoints.value, "elbv2", lookup(endpoints.value, "default", null))
      events                 = lookup(endpoints.value, "events", lookup(endpoints.value, "default", null))
      guardduty              = lookup(endpoints.value, "guardduty", lookup(endpoints.value, "default", null))
      iam                    = lookup(endpoints.value, "iam", lookup(endpoints.value, "default", null))
      kms                    = lookup(endpoints.value, "kms", lookup(endpoints.value, "default", null))
      lambda                 = lookup(endpoints.value, "lambda", lookup(endpoints.value, "default", null))
      logs                   = lookup(endpoints.value, "logs", lookup(endpoints.value, "default", null))
      route53                = lookup(endpoints.value, "route53", lookup(endpoints.value, "default", null))
      route53resolver        = lookup(endpoints.value, "route53resolver", lookup(endpoints.value, "default", null))
      s3                     = lookup(endpoints.value, "s3", lookup(endpoints.value, "default", null))
      s3control              = lookup(endpoints.value, "s3control", lookup(endpoints.value, "default", null))
      secretsmanager         = lookup(endpoints.value, "secretsmanager", lookup(endpoints.value, "default", null))
      securityhub            = lookup(endpoints.value, "securityhub", lookup(endpoints.value, "default", null))
      servicediscovery       = lookup(endpoints.value, "servicediscovery", lookup(endpoints.value, "default", null))
      sns                    = lookup(endpoints.value, "sns", lookup(endpoints.value, "default", null))
      sqs                    = lookup(endpoints.value, "sqs", lookup(endpoints.value, "default", null))
      ssm                    = lookup(endpoints.value, "ssm", lookup(endpoints.value, "default", null))
      sts                    = lookup(endpoints.value, "sts", lookup(endpoints.value, "default", null))
      wafv2                  = lookup(endpoints.value, "wafv2", lookup(endpoints.value, "default", null))
      xray                   = lookup(endpoints.value, "xray", lookup(endpoints.value, "default", null))
    }
  }
}
