mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws", dns_suffix = "amazonaws.com" }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
}

variables {
  account_id  = "123456789012"
  kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
  secrets = {
    "tls/cert" = {
      description = "certificate"
      rotation    = { lambda_arn = "arn:aws:lambda:eu-west-1:123456789012:function:rotate", after_days = 3 }
    }
    "redact-key" = { description = "key" }
  }
}

run "entries_lie_below_the_prefix" {
  command = plan

  assert {
    condition     = aws_secretsmanager_secret.this["tls/cert"].name == "llm-shield/tls/cert"
    error_message = "names begin with llm-shield/"
  }

  assert {
    condition     = keys(aws_secretsmanager_secret_rotation.this) == ["tls/cert"]
    error_message = "what has a function is rotated, and nothing else"
  }
}

run "the_prefix_is_put_before_names" {
  command = plan

  variables {
    secrets = { "llm-shield/x" = { description = "twice" } }
  }

  expect_failures = [var.secrets]
}
