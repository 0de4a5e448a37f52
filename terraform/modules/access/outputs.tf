output "operator_role_arn" {
  description = "Role of the operators, if anyone may become one"
  value       = one(aws_iam_role.operator[*].arn)
}

output "auditor_role_arn" {
  description = "Role of the auditors, if anyone may become one"
  value       = one(aws_iam_role.auditor[*].arn)
}

output "application_policy_arns" {
  description = "Policies to attach to the applications' own roles, by application"
  value       = { for application, policy in aws_iam_policy.application : application => policy.arn }
}
