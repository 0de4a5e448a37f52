# The people and the applications around a service that is there already: operators and auditors become what they are
# with a second factor, and two applications, whose roles are made elsewhere, get their own client certificate and the
# private API.

provider "aws" {
  region = local.region
}

data "aws_caller_identity" "current" {}

locals {
  name         = "llm-shield-prod"
  region       = "eu-west-1"
  account_id   = data.aws_caller_identity.current.account_id
  applications = ["chat", "search"]
}

module "keys" {
  source = "../../../keys"

  name       = local.name
  region     = local.region
  account_id = local.account_id
  users = {
    audit_open   = ["${local.name}-auditor"]
    audit_verify = ["${local.name}-auditor"]
  }
}

module "secrets" {
  source = "../../../secrets"

  secrets = {
    for application in local.applications : "tls/clients/${application}" => { description = "Client certificate of ${application}" }
  }
  kms_key_arn = module.keys.arns.secrets
  account_id  = local.account_id
}

module "access" {
  source = "../.."

  name               = local.name
  region             = local.region
  account_id         = local.account_id
  role_names         = { operator = "${local.name}-operator", auditor = "${local.name}-auditor" }
  operator_arns      = ["arn:aws:iam::${local.account_id}:role/platform"]
  auditor_arns       = ["arn:aws:iam::${local.account_id}:role/audit"]
  cluster_name       = local.name
  service_name       = local.name
  log_group_arn      = "arn:aws:logs:${local.region}:${local.account_id}:log-group:/llm-shield/api"
  results_bucket_arn = "arn:aws:s3:::llm-shield-results-prod-${local.account_id}"
  key_arns           = module.keys.arns
  client_secret_arns = { for application in local.applications : application => module.secrets.arns["tls/clients/${application}"] }
  api                = { execution_arn = "arn:aws:execute-api:${local.region}:${local.account_id}:a1b2c3d4e5/live" }
}

resource "aws_iam_role_policy_attachment" "application" {
  for_each = module.access.application_policy_arns

  role       = each.key
  policy_arn = each.value
}
