output "invoke_url" {
  description = "Address of the API within the VPC"
  value       = aws_api_gateway_stage.this.invoke_url
}

output "execution_arn" {
  description = "ARN that a caller's policy names"
  value       = "${aws_api_gateway_rest_api.this.execution_arn}/${aws_api_gateway_stage.this.stage_name}"
}

output "function_arns" {
  description = "Functions of the filters"
  value       = { for name, function in aws_lambda_function.filter : name => function.arn }
}

output "function_names" {
  description = "Names of the functions, for deploy.sh"
  value       = { for name, function in aws_lambda_function.filter : name => function.function_name }
}

output "failed_queue" {
  description = "Queue of events that a filter could not take"
  value       = { name = aws_sqs_queue.failed.name, arn = aws_sqs_queue.failed.arn }
}

output "web_acl_arn" {
  description = "The firewall"
  value       = aws_wafv2_web_acl.this.arn
}

output "api_name" {
  description = "Name of the API, as CloudWatch's dimensions name it"
  value       = aws_api_gateway_rest_api.this.name
}

output "api_key_ids" {
  description = "API keys by application; the values are read with `aws apigateway get-api-key --include-value`"
  value       = { for application, key in aws_api_gateway_api_key.this : application => key.id }
}
