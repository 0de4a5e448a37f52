# Two pictures and two rankings.

locals {
  widgets = {
    service = [
      { title = "Decisions", metrics = [for action in ["ALLOW", "FLAG", "REDACT", "BLOCK"] : [{
        expression = "SUM(SEARCH('{${local.scanners},Action,Rpc} MetricName=\"${local.shield_metrics.decisions}\" Action=\"ACTION_${action}\"', 'Sum', 300))", label = lower(action)
      }]], stat = "Sum" },
      { title = "Findings by detector", metrics = [for detector in ["secrets", "pii", "injection", "classifier", "unicode", "output"] : [local.scanners, local.shield_metrics.findings, "Detector", detector]], stat = "Sum" },
      { title = "p99 of scans in seconds", metrics = [[local.api, local.shield_metrics.duration, "Rpc", "Scan"]], stat = "p99" },
      { title = "Calls being worked on", metrics = [[local.api, local.shield_metrics.in_flight]], stat = "Average" },
      { title = "CPU in percent", metrics = [["AWS/ECS", "CPUUtilization", "ClusterName", var.cluster_name, "ServiceName", var.service_name]], stat = "Average" },
      { title = "Memory in percent", metrics = [["AWS/ECS", "MemoryUtilization", "ClusterName", var.cluster_name, "ServiceName", var.service_name]], stat = "Average" },
    ]
    security = [
      for name, alarm in local.trail_alarms :
      { title = alarm.description, metrics = [["${var.metrics_namespace}/Trail", name]], stat = "Sum" }
    ]
  }
}

resource "aws_cloudwatch_dashboard" "this" {
  for_each = local.widgets

  dashboard_name = "LLMShield-${var.name}-${each.key}"
  dashboard_body = jsonencode({
    widgets = [
      for index, widget in each.value : {
        type       = "metric"
        x          = 12 * (index % 2)
        y          = 6 * floor(index / 2)
        width      = 12
        height     = 6
        properties = { title = widget.title, metrics = widget.metrics, stat = widget.stat, period = 300, region = var.region, view = "timeSeries" }
      }
    ]
  })
}

resource "aws_cloudwatch_contributor_insight_rule" "this" {
  for_each = {
    callers = { keys = ["$.caller_id"], filters = [] }
    refused = { keys = ["$.caller_id", "$.permission"], filters = [{ Match = "$.message", In = ["a caller lacks a permission"] }] }
  }

  rule_name  = "${var.name}-${each.key}"
  rule_state = "ENABLED"
  rule_definition = jsonencode({
    Schema        = { Name = "CloudWatchLogRule", Version = 1 }
    LogGroupNames = [var.log_group_name]
    LogFormat     = "JSON"
    Contribution  = { Keys = each.value.keys, Filters = each.value.filters }
    AggregateOn   = "Count"
  })
}
