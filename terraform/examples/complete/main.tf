# Everything, for an account of one's own: people by name, a repository that deploys, mail on alarms.

module "llm_shield" {
  source = "../.."

  environment = "prod"
  region      = var.region
  account_id  = var.account_id

  operator_arns          = ["arn:aws:iam::${var.account_id}:role/platform"]
  auditor_arns           = ["arn:aws:iam::${var.account_id}:role/audit"]
  publisher_role_names   = ["release"]
  application_role_names = ["chat", "search"]
  applications           = ["chat", "search"]
  github_repository      = "example/llm-shield"
  alarm_emails           = ["security@example.com"]

  object_lock         = { mode = "COMPLIANCE", days = 365 }
  deletion_protection = true
}
