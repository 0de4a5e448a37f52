mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws", dns_suffix = "amazonaws.com" }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
}

variables {
  name                 = "test"
  region               = "eu-west-1"
  account_id           = "123456789012"
  repository           = "example/llm-shield"
  image_repository_arn = "arn:aws:ecr:eu-west-1:123456789012:repository/test"
  cluster_name         = "test"
  service_name         = "test"
  passed_role_arns     = ["arn:aws:iam::123456789012:role/test-task"]
}

run "an_hour_at_most" {
  command = plan

  assert {
    condition     = aws_iam_role.this.max_session_duration == 3600
    error_message = "a deploy takes an hour at most"
  }
}

run "a_repository_is_owner_and_name" {
  command = plan

  variables {
    repository = "*"
  }

  expect_failures = [var.repository]
}
