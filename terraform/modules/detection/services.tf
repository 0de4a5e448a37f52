# AWS's own watchmen. Each has one switch in an account and region, so each can be left to the organisation.

locals {
  guardduty_plans = toset([
    "S3_DATA_EVENTS", "EKS_AUDIT_LOGS", "EBS_MALWARE_PROTECTION", "RDS_LOGIN_EVENTS", "LAMBDA_NETWORK_LOGS",
    "RUNTIME_MONITORING",
  ])
  runtime_monitoring = contains(var.guardduty_plans, "RUNTIME_MONITORING") ? "ENABLED" : "DISABLED"
}

resource "aws_guardduty_detector" "this" {
  count = var.guardduty ? 1 : 0

  enable                       = true
  finding_publishing_frequency = "FIFTEEN_MINUTES"
}

# A new detector has some of its plans on by itself: so each is told, the ones that are off too.
resource "aws_guardduty_detector_feature" "this" {
  for_each = var.guardduty ? setsubtract(local.guardduty_plans, ["RUNTIME_MONITORING"]) : toset([])

  detector_id = aws_guardduty_detector.this[0].id
  name        = each.key
  status      = contains(var.guardduty_plans, each.key) ? "ENABLED" : "DISABLED"
}

# The agent is put beside each task by GuardDuty; it reports through the guardduty-data endpoint.
resource "aws_guardduty_detector_feature" "runtime" {
  count = var.guardduty ? 1 : 0

  detector_id = aws_guardduty_detector.this[0].id
  name        = "RUNTIME_MONITORING"
  status      = local.runtime_monitoring

  additional_configuration {
    name   = "ECS_FARGATE_AGENT_MANAGEMENT"
    status = local.runtime_monitoring
  }

  additional_configuration {
    name   = "EC2_AGENT_MANAGEMENT"
    status = "DISABLED"
  }

  additional_configuration {
    name   = "EKS_ADDON_MANAGEMENT"
    status = "DISABLED"
  }
}

resource "aws_securityhub_account" "this" {
  count = var.security_hub ? 1 : 0

  enable_default_standards  = false
  control_finding_generator = "SECURITY_CONTROL"
  auto_enable_controls      = true
}

resource "aws_securityhub_standards_subscription" "this" {
  for_each = var.security_hub ? var.security_hub_standards : []

  standards_arn = "${local.arn}:securityhub:${var.region}::standards/${each.key}"

  depends_on = [aws_securityhub_account.this]
}
