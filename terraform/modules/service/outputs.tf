output "endpoint" {
  description = "Address and port of the service behind the load balancer"
  value       = "${aws_lb.this.dns_name}:${var.port}"
}

output "discovery_target" {
  description = "gRPC target that names every task, for callers that balance by themselves"
  value       = "dns:///${aws_service_discovery_service.this.name}.${aws_service_discovery_private_dns_namespace.this.name}:${var.port}"
}

output "repository_url" {
  description = "Repository that the image is pushed to"
  value       = aws_ecr_repository.this.repository_url
}

output "repository_arn" {
  description = "ARN of that repository"
  value       = aws_ecr_repository.this.arn
}

output "cluster_name" {
  description = "Name of the cluster"
  value       = aws_ecs_cluster.this.name
}

output "service_name" {
  description = "Name of the service in the cluster"
  value       = aws_ecs_service.this.name
}

output "service_arn" {
  description = "ARN of the service"
  value       = aws_ecs_service.this.id
}

output "log_group" {
  description = "Log group of the service"
  value       = { name = aws_cloudwatch_log_group.this.name, arn = aws_cloudwatch_log_group.this.arn }
}

output "role_arns" {
  description = "Roles of the tasks and of their execution"
  value       = { task = aws_iam_role.task.arn, execution = aws_iam_role.execution.arn }
}

output "balancer_arn_suffix" {
  description = "The load balancer and its target group, as CloudWatch's dimensions name them"
  value       = { balancer = aws_lb.this.arn_suffix, target_group = aws_lb_target_group.this.arn_suffix }
}
