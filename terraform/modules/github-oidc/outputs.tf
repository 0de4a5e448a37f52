output "role_arn" {
  description = "Role that a workflow assumes"
  value       = aws_iam_role.this.arn
}
