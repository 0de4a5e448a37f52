# A private authority, and a policy for whoever obtains certificates from it: attach it to a role of yours. The
# authority costs by the month, whatever it signs.

provider "aws" {
  region = local.region
}

locals {
  name   = "llm-shield-prod"
  region = "eu-west-1"
}

module "certificates" {
  source = "../.."

  name           = local.name
  organization   = "Example"
  validity_years = 5
}

resource "aws_iam_policy" "issue" {
  name        = "${local.name}-issue-certificates"
  description = "Obtains certificates for servers and callers, and none for an authority"
  policy      = module.certificates.issue_policy
}

output "certificate" {
  description = "What goes into the secret llm-shield/tls/client_ca"
  value       = module.certificates.certificate
}
