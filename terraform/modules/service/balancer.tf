# TCP passes through to the tasks, so that mutual TLS ends there and the caller's certificate is seen by the service.

resource "aws_lb" "this" {
  name                             = var.name
  internal                         = true
  load_balancer_type               = "network"
  subnets                          = var.subnet_ids
  security_groups                  = [var.security_group_ids.balancer]
  enable_cross_zone_load_balancing = true
  enable_deletion_protection       = var.deletion_protection
}

resource "aws_lb_target_group" "this" {
  name                 = var.name
  vpc_id               = var.vpc_id
  target_type          = "ip"
  protocol             = "TCP"
  port                 = var.port
  deregistration_delay = var.drain_seconds + 5
  preserve_client_ip   = "true"

  # Whether a task is well is told by its own health check; this asks whether it can be reached.
  health_check {
    protocol            = "TCP"
    port                = "traffic-port"
    interval            = 10
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }
}

resource "aws_lb_listener" "this" {
  load_balancer_arn = aws_lb.this.arn
  port              = var.port
  protocol          = "TCP"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this.arn
  }
}

# For callers that balance by themselves (dns:/// in gRPC): one address for each task.
resource "aws_service_discovery_private_dns_namespace" "this" {
  name        = var.internal_domain
  description = "Tasks of ${var.name} by name"
  vpc         = var.vpc_id
}

resource "aws_service_discovery_service" "this" {
  name = "api"

  dns_config {
    namespace_id   = aws_service_discovery_private_dns_namespace.this.id
    routing_policy = "MULTIVALUE"

    dns_records {
      type = "A"
      ttl  = 10
    }
  }
}
