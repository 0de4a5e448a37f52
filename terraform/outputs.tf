output "service_endpoint" {
  description = "Address and port of the service within the VPC, for clients with a certificate"
  value       = module.service.endpoint
}

output "discovery_target" {
  description = "gRPC target that names every task, for clients that balance by themselves"
  value       = module.service.discovery_target
}

output "image_repository" {
  description = "Repository that the image is pushed to"
  value       = module.service.repository_url
}

output "cluster_name" {
  description = "Cluster of the service"
  value       = module.service.cluster_name
}

output "service_name" {
  description = "Service in the cluster"
  value       = module.service.service_name
}

output "buckets" {
  description = "Buckets by use"
  value       = merge({ for use, bucket in module.storage.buckets : use => bucket.name }, { trail = module.detection.trail_bucket.name }, var.config ? { config = module.detection.config_bucket.name } : {})
}

output "secret_names" {
  description = "Secrets to fill, by name below llm-shield/"
  value       = module.secrets.names
}

output "signing_key_arn" {
  description = "Key that signs the audit log's checkpoints: `llm-shield audit verify --key-id`"
  value       = module.keys.arns.signing
}

output "audit_key_arn" {
  description = "Key that wraps the data keys of the audit log"
  value       = module.keys.arns.audit
}

output "key_aliases" {
  description = "Keys by purpose"
  value       = module.keys.aliases
}

output "certificate_authority_arn" {
  description = "The private authority, if one was made"
  value       = one(module.certificates[*].authority_arn)
}

output "certificate_issue_policy" {
  description = "Policy in JSON for a principal that may obtain certificates from it"
  value       = one(module.certificates[*].issue_policy)
}

output "api_url" {
  description = "Address of the private API within the VPC, if there is an edge"
  value       = one(module.edge[*].invoke_url)
}

output "api_key_ids" {
  description = "API keys by application; the values are read with `aws apigateway get-api-key --include-value`"
  value       = var.edge ? module.edge[0].api_key_ids : {}
}

output "filter_functions" {
  description = "Functions of the filters, for deploy.sh; empty without an edge"
  value       = var.edge ? module.edge[0].function_names : {}
}

output "alarm_topic_arn" {
  description = "Topic of alarms and findings"
  value       = module.detection.topic_arn
}

output "application_policy_arns" {
  description = "Policies to attach to the applications' roles"
  value       = module.access.application_policy_arns
}

output "deploy_role_arn" {
  description = "Role that a workflow on GitHub assumes, if a repository was named"
  value       = one(module.github_oidc[*].role_arn)
}
