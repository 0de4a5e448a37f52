# Three kinds of alarm: what the service decided, how well it runs, and what was done to what guards it.

locals {
  api      = "${var.metrics_namespace}/API"
  scanners = "${var.metrics_namespace}/Scanners"

  # As the service reports them (docs/aws.md); a check holds them to it.
  shield_metrics = {
    decisions = "DecisionsTotal"
    findings  = "FindingsTotal"
    requests  = "RequestsTotal"
    panics    = "PanicsTotal"
    duration  = "RequestDurationSeconds"
    in_flight = "InFlightRequests"
    dropped   = "TelemetryDroppedTotal"
  }
  rpcs = ["Scan", "ScanStream", "Redact", "RedactStream", "Restore", "Audit"]

  # Each is the sum of series that differ in what was called: CloudWatch does not add them up by itself.
  summed_alarms = {
    verdict-blocked = {
      description = "Many requests are blocked: someone is trying, or a policy is wrong"
      threshold   = var.thresholds.blocked
      namespace   = local.scanners, metric = local.shield_metrics.decisions
      series      = [for rpc in slice(local.rpcs, 0, 4) : { Rpc = rpc, Action = "ACTION_BLOCK" }]
    }
    errors = {
      description = "Calls end with an internal error"
      threshold   = var.thresholds.errors
      namespace   = local.api, metric = local.shield_metrics.requests
      series      = [for rpc in local.rpcs : { Rpc = rpc, Status = "INTERNAL" }]
    }
  }

  service_alarms = merge({
    verdict-secrets = {
      description = "Secrets are on their way out in outputs"
      namespace   = local.scanners, metric = local.shield_metrics.findings, dimensions = { Detector = "secrets" }
      statistic   = "Sum", threshold = var.thresholds.blocked, periods = 1
    }
    panics = {
      description = "A handler panicked; the caller got an error, the server went on"
      namespace   = local.api, metric = local.shield_metrics.panics, dimensions = {}
      statistic   = "Sum", threshold = 0, periods = 1
    }
    telemetry-lost = {
      description = "Log entries did not reach CloudWatch: the buffer was full, or they were refused"
      namespace   = local.api, metric = local.shield_metrics.dropped, dimensions = { Signal = "logs" }
      statistic   = "Sum", threshold = 0, periods = 1
    }
    unhealthy = {
      description = "Tasks are not reachable"
      namespace   = "AWS/NetworkELB", metric = "UnHealthyHostCount"
      dimensions  = { LoadBalancer = var.balancer.balancer, TargetGroup = var.balancer.target_group }
      statistic   = "Maximum", threshold = 0, periods = 2
    }
    }, var.edge == null ? {} : {
    filters-failed = {
      description = "Events that a filter could not take lie in the queue"
      namespace   = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", dimensions = { QueueName = try(var.edge.queue_name, "") }
      statistic   = "Maximum", threshold = 0, periods = 1
    }
    edge-errors = {
      description = "The API answers with 5xx"
      namespace   = "AWS/ApiGateway", metric = "5XXError", dimensions = { ApiName = try(var.edge.api_name, "") }
      statistic   = "Sum", threshold = var.thresholds.errors, periods = 1
    }
  })

  # Read off the trail.
  trail_alarms = {
    unauthorized    = { threshold = 10, pattern = "{ ($.errorCode = \"*UnauthorizedOperation\") || ($.errorCode = \"AccessDenied*\") }", description = "Many calls are refused" }
    root            = { threshold = 0, pattern = "{ $.userIdentity.type = \"Root\" && $.userIdentity.invokedBy NOT EXISTS && $.eventType != \"AwsServiceEvent\" }", description = "The account's root is used" }
    keys            = { threshold = 0, pattern = "{ ($.eventSource = kms.amazonaws.com) && (($.eventName = DisableKey) || ($.eventName = ScheduleKeyDeletion) || ($.eventName = PutKeyPolicy)) }", description = "A key is disabled, deleted, or its policy changed" }
    bucket-policies = { threshold = 0, pattern = "{ ($.eventSource = s3.amazonaws.com) && (($.eventName = PutBucketPolicy) || ($.eventName = DeleteBucketPolicy) || ($.eventName = PutObjectLockConfiguration) || ($.eventName = PutBucketObjectLockConfiguration) || ($.eventName = PutBucketLifecycle) || ($.eventName = PutBucketVersioning) || ($.eventName = PutBucketPublicAccessBlock)) }", description = "A bucket's policy, lock, versioning or lifecycle is changed" }
    trail           = { threshold = 0, pattern = "{ ($.eventName = StopLogging) || ($.eventName = DeleteTrail) || ($.eventName = UpdateTrail) || ($.eventName = PutEventSelectors) }", description = "The trail is changed" }
    watchmen        = { threshold = 0, pattern = "{ ($.eventName = DeleteDetector) || ($.eventName = UpdateDetector) || ($.eventName = DisableSecurityHub) || ($.eventName = StopConfigurationRecorder) || ($.eventName = DeleteConfigurationRecorder) }", description = "GuardDuty, Security Hub or Config is switched off" }
    iam             = { threshold = 0, pattern = "{ ($.eventSource = iam.amazonaws.com) && (($.eventName = PutRolePolicy) || ($.eventName = AttachRolePolicy) || ($.eventName = DeleteRolePolicy) || ($.eventName = DetachRolePolicy) || ($.eventName = UpdateAssumeRolePolicy) || ($.eventName = CreatePolicyVersion) || ($.eventName = SetDefaultPolicyVersion) || ($.eventName = AttachUserPolicy) || ($.eventName = PutUserPolicy) || ($.eventName = AttachGroupPolicy) || ($.eventName = PutGroupPolicy) || ($.eventName = AddUserToGroup) || ($.eventName = CreateUser) || ($.eventName = CreateLoginProfile) || ($.eventName = CreateAccessKey)) }", description = "Rights are changed" }
    network         = { threshold = 0, pattern = "{ ($.eventName = CreateInternetGateway) || ($.eventName = AttachInternetGateway) || ($.eventName = CreateNatGateway) || ($.eventName = AuthorizeSecurityGroupIngress) || ($.eventName = ModifyVpcEndpoint) || ($.eventName = CreateRoute) }", description = "A way in or out of the network is opened" }
  }
}

resource "aws_cloudwatch_metric_alarm" "service" {
  for_each = local.service_alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  period              = 300
  evaluation_periods  = each.value.periods
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.this.arn]
  ok_actions          = [aws_sns_topic.this.arn]
}

resource "aws_cloudwatch_metric_alarm" "summed" {
  for_each = local.summed_alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.this.arn]
  ok_actions          = [aws_sns_topic.this.arn]

  metric_query {
    id          = "all"
    label       = each.value.description
    expression  = join(" + ", [for index, series in each.value.series : "FILL(m${index}, 0)"])
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { for index, series in each.value.series : "m${index}" => series }

    content {
      id = metric_query.key

      metric {
        namespace   = each.value.namespace
        metric_name = each.value.metric
        dimensions  = metric_query.value
        period      = 300
        stat        = "Sum"
      }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "latency" {
  alarm_name          = "${var.name}-latency"
  alarm_description   = "The slowest hundredth of the scans is too slow"
  namespace           = local.api
  metric_name         = local.shield_metrics.duration
  dimensions          = { Rpc = "Scan" }
  extended_statistic  = "p99"
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.thresholds.p99_seconds
  period              = 300
  evaluation_periods  = 2
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.this.arn]
  ok_actions          = [aws_sns_topic.this.arn]
}

resource "aws_cloudwatch_log_metric_filter" "trail" {
  for_each = local.trail_alarms

  name           = "${var.name}-${each.key}"
  log_group_name = aws_cloudwatch_log_group.trail.name
  pattern        = each.value.pattern

  metric_transformation {
    namespace     = "${var.metrics_namespace}/Trail"
    name          = each.key
    value         = "1"
    default_value = "0"
  }
}

resource "aws_cloudwatch_metric_alarm" "trail" {
  for_each = local.trail_alarms

  alarm_name          = "${var.name}-trail-${each.key}"
  alarm_description   = each.value.description
  namespace           = "${var.metrics_namespace}/Trail"
  metric_name         = each.key
  statistic           = "Sum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  period              = 300
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.this.arn]
}
