# The whole of it: a network without a way out, keys by purpose, buckets, secrets, the service, the edge in front of a
# model, and what watches over them.

data "aws_partition" "current" {}

# Looked up only where no variable says it.
data "aws_caller_identity" "current" {
  count = var.account_id == null ? 1 : 0
}

data "aws_availability_zones" "available" {
  count = var.availability_zones == null ? 1 : 0

  state = "available"

  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

locals {
  name       = "${var.name}-${var.environment}"
  account_id = var.account_id == null ? data.aws_caller_identity.current[0].account_id : var.account_id
  zones      = var.availability_zones == null ? slice(data.aws_availability_zones.available[0].names, 0, 3) : var.availability_zones

  suffix = coalesce(var.bucket_suffix, "${var.environment}-${local.account_id}")
  buckets = {
    models  = "llm-shield-models-${local.suffix}"
    results = "llm-shield-results-${local.suffix}"
    logs    = "llm-shield-logs-${local.suffix}"
    trail   = "llm-shield-trail-${local.suffix}"
    config  = "llm-shield-config-${local.suffix}"
  }

  # By name, so that the keys' policies can say who uses them before the roles are there.
  roles = {
    task      = "${local.name}-task"
    execution = "${local.name}-execution"
    filters   = "${local.name}-filters"
    operator  = "${local.name}-operator"
    auditor   = "${local.name}-auditor"
    rotation  = "${local.name}-rotation"
    config    = "${local.name}-config"
  }

  secrets = merge(
    {
      "tls/cert"            = { description = "The service's certificate chain in PEM" }
      "tls/key"             = { description = "The service's private key in PEM" }
      "tls/client_ca"       = { description = "The authorities of callers' certificates in PEM" }
      "tls/clients/filters" = { description = "Client certificate of the Lambda filters" }
      "redact-key"          = { description = "What keys of reversible redactions are derived from: 32 random bytes or more" }
    },
    { for application in var.applications : "tls/clients/${application}" => { description = "Client certificate of ${application}" } },
  )

  # The service's name in Cloud Map, which its certificate has, too.
  internal_domain = "llm-shield.internal"
  server_name     = "api.${local.internal_domain}"

  # Certificates that are renewed here, and the names in each.
  callers = concat(["filters"], sort(tolist(var.applications)))
  renewed = var.certificate_rotation == null ? {} : merge(
    { for caller in local.callers : "tls/clients/${caller}" => ["spiffe://${var.certificate_rotation.trust_domain}/${local.name}/${caller}"] },
    { "tls/key" = [local.server_name, "spiffe://${var.certificate_rotation.trust_domain}/${local.name}/api"] },
  )
  # Who may call the service; without an entry it does not start.
  trust_domain = try(var.certificate_rotation.trust_domain, "llm-shield.internal")
  identities = var.identities == null ? jsonencode([
    for caller in local.callers : {
      match     = "spiffe://${local.trust_domain}/${local.name}/${caller}"
      principal = caller
      tenant    = "default"
      roles     = ["scanner", "redactor"]
    }
  ]) : jsonencode([for identity in coalesce(var.identities, []) : { for key, value in identity : key => value if value != null }])

  rotations = merge(
    { for name in keys(local.renewed) : name => { lambda_arn = module.rotation[0].function_arn, after_days = var.certificate_rotation.after_days } },
    var.secret_rotation,
  )
}

module "keys" {
  source = "./modules/keys"

  name               = local.name
  region             = var.region
  account_id         = local.account_id
  administrator_arns = var.key_administrator_arns
  bedrock_guardrail  = var.edge && var.bedrock_guardrail

  users = {
    audit_seal   = [local.roles.task]
    audit_open   = [local.roles.auditor]
    audit_sign   = [local.roles.task]
    audit_verify = [local.roles.task, local.roles.auditor]
    config       = var.config ? [local.roles.config] : []
    secrets      = length(var.publisher_role_names) == 0 ? [] : concat([local.roles.task, local.roles.filters, local.roles.rotation], var.publisher_role_names, var.application_role_names)
    buckets      = length(var.publisher_role_names) == 0 ? [] : concat([local.roles.task, local.roles.auditor], var.publisher_role_names)
  }
}

module "network" {
  source = "./modules/network"

  name                      = local.name
  region                    = var.region
  account_id                = local.account_id
  organization_id           = var.organization_id
  cidr_block                = var.vpc_cidr_block
  availability_zones        = local.zones
  interface_endpoints       = var.interface_endpoints
  s3_prefix_list            = var.s3_prefix_list
  client_cidr_blocks        = var.client_cidr_blocks
  client_security_group_ids = var.client_security_group_ids
  dns_firewall              = var.dns_firewall
  allowed_domains           = var.allowed_domains
  private_model             = var.private_model_network
  internal_domain           = local.internal_domain
  log_kms_key_arn           = module.keys.arns.logs
  log_retention_days        = var.log_retention_days
}

module "storage" {
  source = "./modules/storage"

  names         = { models = local.buckets.models, results = local.buckets.results, logs = local.buckets.logs }
  account_id    = local.account_id
  kms_key_arn   = module.keys.arns.buckets
  object_lock   = var.object_lock
  force_destroy = var.force_destroy

  vpc_endpoint_ids = var.audit_reads_from_vpc_only ? [module.network.s3_endpoint_id] : []
}

module "certificates" {
  source = "./modules/certificates"
  count  = var.private_ca ? 1 : 0

  name = local.name
}

module "secrets" {
  source = "./modules/secrets"

  secrets = {
    for name, secret in local.secrets : name => merge(secret, { rotation = lookup(local.rotations, name, null) })
  }
  kms_key_arn             = module.keys.arns.secrets
  account_id              = local.account_id
  recovery_window_in_days = var.secret_recovery_days
}

module "rotation" {
  source = "./modules/rotation"
  count  = var.certificate_rotation == null ? 0 : 1

  name               = local.name
  region             = var.region
  account_id         = local.account_id
  authority_arn      = module.certificates[0].authority_arn
  certificate_names  = local.renewed
  package            = var.certificate_rotation.package
  architecture       = var.cpu_architecture == "ARM64" ? "arm64" : "x86_64"
  role_name          = local.roles.rotation
  subnet_ids         = module.network.private_subnet_ids
  security_group_id  = module.network.security_group_ids.filters
  key_arns           = module.keys.arns
  log_retention_days = var.log_retention_days
}

module "service" {
  source = "./modules/service"

  name                = local.name
  region              = var.region
  account_id          = local.account_id
  image               = var.image
  image_tag           = var.image_tag
  cpu_architecture    = var.cpu_architecture
  size                = var.task_size
  tasks               = var.tasks
  scaling             = var.scaling
  vpc_id              = module.network.vpc_id
  subnet_ids          = module.network.private_subnet_ids
  internal_domain     = local.internal_domain
  server_name         = local.server_name
  security_group_ids  = module.network.security_group_ids
  log_retention_days  = var.log_retention_days
  key_arns            = module.keys.arns
  role_names          = { task = local.roles.task, execution = local.roles.execution }
  secret_arns         = [for name in ["tls/cert", "tls/key", "tls/client_ca", "redact-key"] : module.secrets.arns[name]]
  buckets             = module.storage.buckets
  environment         = merge({ LLM_SHIELD__IDENTITIES = local.identities }, var.settings)
  collector_image     = var.collector_image
  deletion_protection = var.deletion_protection
  force_delete        = var.force_destroy
}

module "edge" {
  source = "./modules/edge"
  count  = var.edge ? 1 : 0

  name                   = local.name
  region                 = var.region
  account_id             = local.account_id
  vpc_endpoint_id        = module.network.interface_endpoint_ids["execute-api"]
  subnet_ids             = module.network.private_subnet_ids
  security_group_id      = module.network.security_group_ids.filters
  service_endpoint       = module.service.endpoint
  server_name            = local.server_name
  key_arns               = module.keys.arns
  client_secret_arn      = module.secrets.arns["tls/clients/filters"]
  role_name              = local.roles.filters
  packages               = var.filter_packages
  architecture           = var.cpu_architecture == "ARM64" ? "arm64" : "x86_64"
  reserved_concurrency   = var.filter_concurrency
  environment            = var.filter_settings
  bedrock_model_arns     = var.bedrock_model_arns
  bedrock_guardrail      = var.bedrock_guardrail
  private_model_url      = var.private_model_url
  throttle               = var.edge_throttle
  applications           = var.applications
  log_retention_days     = var.log_retention_days
  manage_account_logging = var.manage_account_logging
}

module "detection" {
  source = "./modules/detection"

  name               = local.name
  region             = var.region
  account_id         = local.account_id
  trail_bucket_name  = local.buckets.trail
  config_bucket_name = local.buckets.config
  config_role_name   = local.roles.config
  access_log_bucket  = module.storage.buckets.logs.name
  key_arns           = module.keys.arns
  data_bucket_arns   = [module.storage.buckets.models.arn, module.storage.buckets.results.arn]
  object_lock        = var.object_lock
  log_retention_days = var.log_retention_days
  guardduty          = var.guardduty
  guardduty_plans    = var.guardduty_plans
  security_hub       = var.security_hub
  config             = var.config
  finding_import     = coalesce(var.finding_import, var.security_hub)
  alarm_emails       = var.alarm_emails
  log_group_name     = module.service.log_group.name
  cluster_name       = module.service.cluster_name
  service_name       = module.service.service_name
  balancer           = module.service.balancer_arn_suffix
  edge               = var.edge ? { api_name = module.edge[0].api_name, queue_name = module.edge[0].failed_queue.name } : null
  force_destroy      = var.force_destroy
}

module "access" {
  source = "./modules/access"

  name               = local.name
  region             = var.region
  account_id         = local.account_id
  role_names         = { operator = local.roles.operator, auditor = local.roles.auditor }
  operator_arns      = var.operator_arns
  auditor_arns       = var.auditor_arns
  cluster_name       = module.service.cluster_name
  service_name       = module.service.service_name
  log_group_arn      = module.service.log_group.arn
  results_bucket_arn = module.storage.buckets.results.arn
  key_arns           = module.keys.arns
  client_secret_arns = { for application in var.applications : application => module.secrets.arns["tls/clients/${application}"] }
  api                = var.edge ? { execution_arn = module.edge[0].execution_arn } : null
}

module "github_oidc" {
  source = "./modules/github-oidc"
  count  = var.github_repository == null ? 0 : 1

  name                 = local.name
  region               = var.region
  account_id           = local.account_id
  repository           = var.github_repository
  create_provider      = var.create_provider
  github_environment   = var.environment
  image_repository_arn = module.service.repository_arn
  cluster_name         = module.service.cluster_name
  service_name         = module.service.service_name
  passed_role_arns     = [module.service.role_arns.task, module.service.role_arns.execution]
  function_arns        = var.edge ? values(module.edge[0].function_arns) : []
}
