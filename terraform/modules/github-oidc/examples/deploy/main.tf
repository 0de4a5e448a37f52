# A repository whose workflows bring new images and new code of the filters to a service that is there already, from the
# environment prod on GitHub only. The account has GitHub's identity provider already.

provider "aws" {
  region = local.region
}

data "aws_caller_identity" "current" {}

locals {
  name       = "llm-shield-prod"
  region     = "eu-west-1"
  account_id = data.aws_caller_identity.current.account_id
}

module "github_oidc" {
  source = "../.."

  name                 = local.name
  region               = local.region
  account_id           = local.account_id
  repository           = "example/llm-shield"
  github_environment   = "prod"
  create_provider      = false
  image_repository_arn = "arn:aws:ecr:${local.region}:${local.account_id}:repository/${local.name}"
  cluster_name         = local.name
  service_name         = local.name
  passed_role_arns     = [for role in ["task", "execution"] : "arn:aws:iam::${local.account_id}:role/${local.name}-${role}"]
  function_arns = [
    for function in ["input-filter", "output-filter"] : "arn:aws:lambda:${local.region}:${local.account_id}:function:${local.name}-${function}"
  ]
}

output "role_arn" {
  description = "What the workflow gives aws-actions/configure-aws-credentials as role-to-assume"
  value       = module.github_oidc.role_arn
}
