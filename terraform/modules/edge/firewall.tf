# The first look, before any code of ours runs. It sees words, not meaning: what it lets through is the service's to judge.

locals {
  managed_rules = {
    AWSManagedRulesAmazonIpReputationList = { priority = 10, count = [] }
    AWSManagedRulesCommonRuleSet          = { priority = 20, count = ["SizeRestrictions_BODY"] } # prompts are longer than 8 KiB
    AWSManagedRulesKnownBadInputsRuleSet  = { priority = 30, count = [] }
    AWSManagedRulesAdminProtectionRuleSet = { priority = 40, count = [] }
  }
  # Written by `cargo xtask terraform generate` from server/detect/rules/injection.
  injection_sets = jsondecode(file("${path.module}/injection-patterns.json")).sets
}

resource "aws_wafv2_regex_pattern_set" "injection" {
  for_each = local.injection_sets

  name        = "${var.name}-injection-${each.key}"
  description = "Prompt injections, from the rules of the service"
  scope       = "REGIONAL"

  dynamic "regular_expression" {
    for_each = each.value

    content {
      regex_string = regular_expression.value
    }
  }
}

resource "aws_wafv2_web_acl" "this" {
  name        = var.name
  description = "In front of the private API"
  scope       = "REGIONAL"

  default_action {
    allow {}
  }

  association_config {
    request_body {
      api_gateway {
        default_size_inspection_limit = "KB_64"
      }
    }
  }

  rule {
    name     = "rate"
    priority = 1

    action {
      block {}
    }

    statement {
      rate_based_statement {
        limit                 = var.requests_per_five_minutes
        aggregate_key_type    = "IP"
        evaluation_window_sec = 300
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "${var.name}-rate"
      sampled_requests_enabled   = false
    }
  }

  rule {
    name     = "body-size"
    priority = 2

    action {
      block {}
    }

    statement {
      size_constraint_statement {
        comparison_operator = "GT"
        size                = var.max_body_bytes

        field_to_match {
          body {
            oversize_handling = "MATCH"
          }
        }

        text_transformation {
          priority = 0
          type     = "NONE"
        }
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "${var.name}-body-size"
      sampled_requests_enabled   = false
    }
  }

  dynamic "rule" {
    for_each = local.managed_rules

    content {
      name     = rule.key
      priority = rule.value.priority

      override_action {
        none {}
      }

      statement {
        managed_rule_group_statement {
          name        = rule.key
          vendor_name = "AWS"

          dynamic "rule_action_override" {
            for_each = rule.value.count

            content {
              name = rule_action_override.value

              action_to_use {
                count {}
              }
            }
          }
        }
      }

      visibility_config {
        cloudwatch_metrics_enabled = true
        metric_name                = "${var.name}-${rule.key}"
        sampled_requests_enabled   = false
      }
    }
  }

  dynamic "rule" {
    for_each = aws_wafv2_regex_pattern_set.injection

    content {
      name     = "injection-${rule.key}"
      priority = 100 + tonumber(rule.key)

      action {
        block {}
      }

      statement {
        regex_pattern_set_reference_statement {
          arn = rule.value.arn

          field_to_match {
            json_body {
              match_scope               = "VALUE"
              invalid_fallback_behavior = "EVALUATE_AS_STRING"
              oversize_handling         = "MATCH"

              match_pattern {
                all {}
              }
            }
          }

          # As the service folds text, as far as the firewall can.
          text_transformation {
            priority = 0
            type     = "LOWERCASE"
          }

          text_transformation {
            priority = 1
            type     = "COMPRESS_WHITE_SPACE"
          }
        }
      }

      visibility_config {
        cloudwatch_metrics_enabled = true
        metric_name                = "${var.name}-injection-${rule.key}"
        sampled_requests_enabled   = false
      }
    }
  }

  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = var.name
    sampled_requests_enabled   = false
  }
}

resource "aws_wafv2_web_acl_association" "this" {
  resource_arn = aws_api_gateway_stage.this.arn
  web_acl_arn  = aws_wafv2_web_acl.this.arn
}

# The firewall writes only to groups with this prefix.
resource "aws_cloudwatch_log_group" "firewall" {
  name              = "aws-waf-logs-${var.name}"
  kms_key_id        = var.key_arns.logs
  retention_in_days = var.log_retention_days
}

resource "aws_wafv2_web_acl_logging_configuration" "this" {
  resource_arn            = aws_wafv2_web_acl.this.arn
  log_destination_configs = [aws_cloudwatch_log_group.firewall.arn]

  redacted_fields {
    single_header {
      name = "authorization"
    }
  }

  redacted_fields {
    single_header {
      name = "x-api-key"
    }
  }
}
