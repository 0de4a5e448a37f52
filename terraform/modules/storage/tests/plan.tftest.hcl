mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws", dns_suffix = "amazonaws.com" }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
}

variables {
  names       = { models = "llm-shield-models-test", results = "llm-shield-results-test", logs = "llm-shield-logs-test" }
  account_id  = "123456789012"
  kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
}

run "defaults" {
  command = plan

  assert {
    condition     = output.buckets.results.name == "llm-shield-results-test"
    error_message = "the name that was given"
  }
}

run "the_convention_holds" {
  command = plan

  variables {
    names = { models = "models", results = "llm-shield-results-test", logs = "logs" }
  }

  expect_failures = [var.names]
}
