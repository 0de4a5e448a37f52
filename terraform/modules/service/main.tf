# Tasks on Fargate. What a request leaves behind is in S3 before it is answered (docs/decisions), so that a task has
# nothing of its own to lose.

data "aws_partition" "current" {}

locals {
  image       = coalesce(var.image, "${aws_ecr_repository.this.repository_url}:${var.image_tag}")
  arn         = "arn:${data.aws_partition.current.partition}"
  cluster_arn = "${local.arn}:ecs:${var.region}:${var.account_id}"
}

resource "aws_ecr_repository" "this" {
  name                 = var.name
  image_tag_mutability = "IMMUTABLE"
  force_delete         = var.force_delete

  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = var.key_arns.events
  }

  image_scanning_configuration {
    scan_on_push = true
  }
}

resource "aws_ecr_lifecycle_policy" "this" {
  repository = aws_ecr_repository.this.name
  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "The last thirty images: what a roll back can go to"
      selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 30 }
      action       = { type = "expire" }
    }]
  })
}

resource "aws_cloudwatch_log_group" "this" {
  name              = var.log_group
  kms_key_id        = var.key_arns.logs
  retention_in_days = var.log_retention_days
}

# Container Insights would make it itself, without our key and for ever.
resource "aws_cloudwatch_log_group" "insights" {
  name              = "/aws/ecs/containerinsights/${var.name}/performance"
  kms_key_id        = var.key_arns.logs
  retention_in_days = var.log_retention_days
}

resource "aws_ecs_cluster" "this" {
  name = var.name

  configuration {
    managed_storage_configuration {
      fargate_ephemeral_storage_kms_key_id = var.key_arns.tasks
    }
  }

  setting {
    name  = "containerInsights"
    value = "enhanced"
  }

  depends_on = [aws_cloudwatch_log_group.insights]
}

resource "aws_ecs_cluster_capacity_providers" "this" {
  cluster_name       = aws_ecs_cluster.this.name
  capacity_providers = ["FARGATE"]

  default_capacity_provider_strategy {
    capacity_provider = "FARGATE"
    weight            = 1
  }
}

resource "aws_ecs_service" "this" {
  name                               = var.name
  cluster                            = aws_ecs_cluster.this.id
  task_definition                    = aws_ecs_task_definition.this.arn
  desired_count                      = var.tasks.minimum
  launch_type                        = "FARGATE"
  platform_version                   = "LATEST"
  enable_execute_command             = false
  availability_zone_rebalancing      = "ENABLED"
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  health_check_grace_period_seconds  = 60
  propagate_tags                     = "SERVICE"

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = var.subnet_ids
    security_groups  = [var.security_group_ids.service]
    assign_public_ip = false
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.this.arn
    container_name   = "api"
    container_port   = var.port
  }

  service_registries {
    registry_arn = aws_service_discovery_service.this.arn
  }

  # The number of tasks belongs to the autoscaling from the first day on.
  lifecycle {
    ignore_changes = [desired_count]
  }

  depends_on = [aws_lb_listener.this, aws_iam_role_policy.task, aws_iam_role_policy.execution]
}
