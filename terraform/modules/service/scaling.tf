# Up within half a minute, down slowly: a task that goes takes its connections with it.

locals {
  scaling = var.scaling.enabled ? 1 : 0
  # As the service reports it (docs/aws.md); a check holds it to that.
  shield_metrics = { in_flight = "InFlightRequests" }
}

resource "aws_appautoscaling_target" "this" {
  count = local.scaling

  service_namespace  = "ecs"
  resource_id        = "service/${aws_ecs_cluster.this.name}/${aws_ecs_service.this.name}"
  scalable_dimension = "ecs:service:DesiredCount"
  min_capacity       = var.tasks.minimum
  max_capacity       = var.tasks.maximum
}

resource "aws_appautoscaling_policy" "cpu" {
  count = local.scaling

  name               = "cpu"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this[0].service_namespace
  resource_id        = aws_appautoscaling_target.this[0].resource_id
  scalable_dimension = aws_appautoscaling_target.this[0].scalable_dimension

  target_tracking_scaling_policy_configuration {
    target_value       = var.scaling.cpu_percent
    scale_out_cooldown = 30
    scale_in_cooldown  = 120

    predefined_metric_specification {
      predefined_metric_type = "ECSServiceAverageCPUUtilization"
    }
  }
}

resource "aws_appautoscaling_policy" "concurrency" {
  count = local.scaling

  name               = "concurrency"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this[0].service_namespace
  resource_id        = aws_appautoscaling_target.this[0].resource_id
  scalable_dimension = aws_appautoscaling_target.this[0].scalable_dimension

  target_tracking_scaling_policy_configuration {
    target_value       = var.scaling.concurrent_requests
    scale_out_cooldown = 30
    scale_in_cooldown  = 120

    customized_metric_specification {
      namespace   = "${var.metrics_namespace}/API"
      metric_name = local.shield_metrics.in_flight
      statistic   = "Average"
    }
  }
}
