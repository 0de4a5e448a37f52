output "function_arn" {
  description = "Function that Secrets Manager may call"
  value       = aws_lambda_function.this.arn

  # A rotation begins when a secret is told of the function.
  depends_on = [aws_lambda_permission.secrets_manager]
}

output "role_arn" {
  description = "Role of the function"
  value       = aws_iam_role.this.arn
}
