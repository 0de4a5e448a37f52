mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws", dns_suffix = "amazonaws.com" }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
}

variables {
  name               = "test"
  region             = "eu-west-1"
  account_id         = "123456789012"
  role_names         = { operator = "test-operator", auditor = "test-auditor" }
  cluster_name       = "test"
  service_name       = "test"
  log_group_arn      = "arn:aws:logs:eu-west-1:123456789012:log-group:/llm-shield/api"
  results_bucket_arn = "arn:aws:s3:::llm-shield-results-test"
  key_arns = {
    audit   = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    signing = "arn:aws:kms:eu-west-1:123456789012:key/2234abcd-12ab-34cd-56ef-1234567890ab"
    secrets = "arn:aws:kms:eu-west-1:123456789012:key/3234abcd-12ab-34cd-56ef-1234567890ab"
    buckets = "arn:aws:kms:eu-west-1:123456789012:key/4234abcd-12ab-34cd-56ef-1234567890ab"
    logs    = "arn:aws:kms:eu-west-1:123456789012:key/5234abcd-12ab-34cd-56ef-1234567890ab"
  }
  client_secret_arns = { chat = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:llm-shield/tls/clients/chat-AbCdEf" }
}

run "nobody_becomes_anything_unless_named" {
  command = plan

  assert {
    condition     = output.operator_role_arn == null && output.auditor_role_arn == null
    error_message = "no role without those who may take it"
  }

  assert {
    condition     = aws_iam_policy.application["chat"].name == "test-application-chat"
    error_message = "each application has a policy"
  }
}

run "operators_and_auditors_are_apart" {
  command = plan

  variables {
    operator_arns = ["arn:aws:iam::123456789012:role/platform"]
    auditor_arns  = ["arn:aws:iam::123456789012:role/audit"]
  }

  assert {
    condition     = aws_iam_role.operator[0].name == "test-operator" && aws_iam_role.auditor[0].name == "test-auditor"
    error_message = "each has a role of its own"
  }

  assert {
    condition     = aws_iam_role.operator[0].max_session_duration == 3600
    error_message = "a session is an hour"
  }
}
