mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws", dns_suffix = "amazonaws.com" }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
}

variables {
  name          = "test"
  region        = "eu-west-1"
  account_id    = "123456789012"
  authority_arn = "arn:aws:acm-pca:eu-west-1:123456789012:certificate-authority/1234abcd-12ab-34cd-56ef-1234567890ab"
  certificate_names = {
    "tls/clients/chat" = ["spiffe://example.org/llm-shield/chat"]
    "tls/key"          = ["api.llm-shield.internal"]
  }
  package           = "../edge/not-deployed.zip"
  role_name         = "test-rotation"
  subnet_ids        = ["subnet-0123456789abcdef0"]
  security_group_id = "sg-0123456789abcdef0"
  key_arns = {
    logs    = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    events  = "arn:aws:kms:eu-west-1:123456789012:key/2234abcd-12ab-34cd-56ef-1234567890ab"
    secrets = "arn:aws:kms:eu-west-1:123456789012:key/3234abcd-12ab-34cd-56ef-1234567890ab"
  }
}

run "secrets_manager_calls_the_function" {
  command = plan

  assert {
    condition     = aws_lambda_permission.secrets_manager.principal == "secretsmanager.amazonaws.com"
    error_message = "Secrets Manager may call it"
  }

  assert {
    condition     = aws_lambda_function.this.environment[0].variables["LLM_SHIELD_CERTIFICATE_NAMES"] == jsonencode({ "llm-shield/tls/clients/chat" = ["spiffe://example.org/llm-shield/chat"], "llm-shield/tls/key" = ["api.llm-shield.internal"] })
    error_message = "each secret has its names"
  }

  assert {
    condition     = length([for arn in local.secret_arns : arn if strcontains(arn, ":secret:llm-shield/tls/cert-")]) == 1
    error_message = "the certificate of the service's key is renewed, too"
  }
}

run "other_secrets_are_not_its_business" {
  command = plan

  variables {
    certificate_names = { "redact-key" = ["spiffe://example.org/x"] }
  }

  expect_failures = [var.certificate_names]
}
