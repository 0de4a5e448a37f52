# The plan of the defaults, with a provider that only pretends: `terraform test` needs the provider, but no account.

mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws", dns_suffix = "amazonaws.com" }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
}

variables {
  account_id         = "123456789012"
  availability_zones = ["us-east-1a", "us-east-1b", "us-east-1c"]
  s3_prefix_list     = { id = "pl-63a5400a", cidr_blocks = ["52.216.0.0/15"] }
}

run "names_follow_the_conventions" {
  command = plan

  assert {
    condition     = output.buckets.models == "llm-shield-models-dev-123456789012"
    error_message = "the bucket of models is llm-shield-models-…"
  }

  assert {
    condition     = output.buckets.results == "llm-shield-results-dev-123456789012"
    error_message = "the bucket of results is llm-shield-results-…"
  }

  assert {
    condition     = alltrue([for name in values(output.secret_names) : startswith(name, "llm-shield/")])
    error_message = "secrets lie below llm-shield/"
  }

  assert {
    condition     = contains(keys(output.secret_names), "tls/clients/default")
    error_message = "each application has an entry for its certificate"
  }
}

run "nothing_deploys_from_github_unless_asked" {
  command = plan

  assert {
    condition     = output.deploy_role_arn == null
    error_message = "there is no role for workflows without a repository"
  }
}

run "the_edge_can_be_left_out" {
  command = plan

  variables {
    edge = false
  }

  assert {
    condition     = output.api_url == null && length(output.filter_functions) == 0
    error_message = "without an edge there is no API and no filter"
  }
}

run "production" {
  command = plan

  variables {
    environment         = "prod"
    object_lock         = { mode = "COMPLIANCE", days = 2557 }
    deletion_protection = true
    github_repository   = "example/llm-shield"
    applications        = ["chat", "search"]
    operator_arns       = ["arn:aws:iam::123456789012:role/platform"]
    auditor_arns        = ["arn:aws:iam::123456789012:role/audit"]
    bedrock_model_arns  = ["arn:aws:bedrock:us-east-1::foundation-model/example.model-v1:0"]
    bedrock_guardrail   = true
  }

  assert {
    condition     = output.cluster_name == "llm-shield-prod"
    error_message = "names have the environment"
  }
}

run "client_certificates_are_renewed" {
  command = plan

  variables {
    applications         = ["chat"]
    certificate_rotation = { trust_domain = "example.org", package = "modules/edge/not-deployed.zip" }
  }

  assert {
    condition     = length(module.rotation) == 1
    error_message = "there is a function that renews them"
  }
}

run "renewal_needs_the_private_authority" {
  command = plan

  variables {
    private_ca           = false
    certificate_rotation = { trust_domain = "example.org", package = "modules/edge/not-deployed.zip" }
  }

  expect_failures = [var.certificate_rotation]
}

run "the_edge_needs_its_endpoint" {
  command = plan

  variables {
    interface_endpoints = ["ecr.api", "ecr.dkr", "kms", "logs", "monitoring", "secretsmanager", "sts"]
  }

  expect_failures = [var.interface_endpoints]
}

run "fewer_endpoints_do_without_the_edge" {
  command = plan

  variables {
    edge                = false
    interface_endpoints = ["ecr.api", "ecr.dkr", "kms", "logs", "monitoring", "secretsmanager", "sts"]
  }

  assert {
    condition     = output.api_url == null
    error_message = "the service itself needs these only"
  }
}

run "what_an_account_has_once_can_be_there_already" {
  command = plan

  variables {
    github_repository      = "example/llm-shield"
    create_provider        = false
    manage_account_logging = false
  }

  assert {
    condition     = length(module.github_oidc) == 1
    error_message = "the role of workflows is made with the provider that is there"
  }
}

run "logs_are_kept_for_a_month_at_most" {
  command = plan

  variables {
    log_retention_days = 365
  }

  expect_failures = [var.log_retention_days]
}

run "an_account_is_an_account" {
  command = plan

  variables {
    account_id = "12345"
  }

  expect_failures = [var.account_id]
}
