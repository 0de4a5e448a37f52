output "arns" {
  description = "ARNs of the keys by purpose: audit, logs, secrets, buckets, events, tasks, signing"
  value       = merge({ for purpose, key in aws_kms_key.symmetric : purpose => key.arn }, { signing = aws_kms_key.signing.arn })
}

output "aliases" {
  description = "Aliases of the keys by purpose"
  value       = merge({ for purpose, alias in aws_kms_alias.symmetric : purpose => alias.name }, { signing = aws_kms_alias.signing.name })
}
