# Where alarms and findings meet those who act on them.

resource "aws_sns_topic" "this" {
  name              = "${var.name}-alarms"
  display_name      = "llm-shield"
  kms_master_key_id = var.key_arns.events
}

data "aws_iam_policy_document" "topic" {
  statement {
    sid       = "Publish"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.this.arn]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com", "events.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }
  }

  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.this.arn]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_sns_topic_policy" "this" {
  arn    = aws_sns_topic.this.arn
  policy = data.aws_iam_policy_document.topic.json
}

resource "aws_sns_topic_subscription" "email" {
  for_each = var.alarm_emails

  topic_arn = aws_sns_topic.this.arn
  protocol  = "email"
  endpoint  = each.key
}

resource "aws_sqs_queue" "failed" {
  name                       = "${var.name}-events-failed"
  kms_master_key_id          = var.key_arns.events
  message_retention_seconds  = 1209600
  visibility_timeout_seconds = 60
}

data "aws_iam_policy_document" "failed" {
  statement {
    sid       = "FromRules"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.failed.arn]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }
  }
}

resource "aws_sqs_queue_policy" "failed" {
  queue_url = aws_sqs_queue.failed.id
  policy    = data.aws_iam_policy_document.failed.json
}

locals {
  event_patterns = {
    guardduty = {
      description = "GuardDuty findings of severity 4 and above"
      pattern = {
        source        = ["aws.guardduty"]
        "detail-type" = ["GuardDuty Finding"]
        detail        = { severity = [{ numeric = [">=", 4] }] }
      }
    }
    security-hub = {
      description = "New Security Hub findings that are high or critical"
      pattern = {
        source        = ["aws.securityhub"]
        "detail-type" = ["Security Hub Findings - Imported"]
        detail = {
          findings = {
            Severity    = { Label = ["HIGH", "CRITICAL"] }
            Workflow    = { Status = ["NEW"] }
            RecordState = ["ACTIVE"]
          }
        }
      }
    }
    blinding = {
      description = "Someone takes away what watches: alarms, rules, the topic, the trail, GuardDuty, Security Hub, Config, flow logs"
      pattern = {
        source        = ["aws.monitoring", "aws.events", "aws.sns", "aws.cloudtrail", "aws.guardduty", "aws.securityhub", "aws.config", "aws.ec2", "aws.logs", "aws.wafv2"]
        "detail-type" = ["AWS API Call via CloudTrail"]
        detail = {
          # A call that was denied is told as well: someone has tried.
          eventName = [
            "DeleteAlarms", "DisableAlarmActions",
            "DeleteRule", "DisableRule", "RemoveTargets",
            "DeleteTopic", "RemovePermission", "SetTopicAttributes", "Unsubscribe",
            "DeleteTrail", "StopLogging", "UpdateTrail", "PutEventSelectors", "PutInsightSelectors",
            "DeleteDetector", "UpdateDetector", "CreateFilter", "StopMonitoringMembers",
            "DisableSecurityHub", "BatchDisableStandards",
            "DeleteConfigurationRecorder", "StopConfigurationRecorder", "DeleteDeliveryChannel",
            "DeleteFlowLogs",
            "DeleteLogGroup", "DeleteLogStream", "DeleteMetricFilter", "PutRetentionPolicy",
            "DeleteWebACL", "DisassociateWebACL",
          ]
        }
      }
    }
    deployment = {
      description = "Deployments of the service that failed and were rolled back"
      pattern = {
        source        = ["aws.ecs"]
        "detail-type" = ["ECS Deployment State Change"]
        detail        = { eventName = ["SERVICE_DEPLOYMENT_FAILED"] }
      }
    }
  }
}

resource "aws_cloudwatch_event_rule" "topic" {
  for_each = local.event_patterns

  name          = "${var.name}-${each.key}"
  description   = each.value.description
  event_pattern = jsonencode(each.value.pattern)
}

resource "aws_cloudwatch_event_target" "topic" {
  for_each = local.event_patterns

  rule      = aws_cloudwatch_event_rule.topic[each.key].name
  target_id = "topic"
  arn       = aws_sns_topic.this.arn

  dead_letter_config {
    arn = aws_sqs_queue.failed.arn
  }
}
