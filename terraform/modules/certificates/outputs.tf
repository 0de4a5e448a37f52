output "authority_arn" {
  description = "ARN of the authority"
  value       = aws_acmpca_certificate_authority.this.arn

  # Until its own certificate is installed it signs nothing.
  depends_on = [aws_acmpca_certificate_authority_certificate.this]
}

output "certificate" {
  description = "The authority's certificate in PEM: what callers and the service trust"
  value       = aws_acmpca_certificate.root.certificate
}

output "issue_policy" {
  description = "Policy in JSON for a principal that may obtain end-entity certificates"
  value       = data.aws_iam_policy_document.issue.json
}
