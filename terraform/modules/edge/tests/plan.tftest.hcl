mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws", dns_suffix = "amazonaws.com" }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
}

variables {
  name              = "test"
  region            = "eu-west-1"
  account_id        = "123456789012"
  vpc_endpoint_id   = "vpce-0123456789abcdef0"
  subnet_ids        = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
  security_group_id = "sg-0123456789abcdef0"
  service_endpoint  = "test.elb.eu-west-1.amazonaws.com:8443"
  client_secret_arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:llm-shield/tls/filters-AbCdEf"
  role_name         = "test-filters"
  key_arns = {
    logs    = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    events  = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    secrets = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
  }
}

run "the_api_is_private" {
  command = plan

  assert {
    condition     = aws_api_gateway_rest_api.this.endpoint_configuration[0].types == tolist(["PRIVATE"])
    error_message = "the API has a private endpoint only"
  }

  assert {
    condition     = alltrue([for method in aws_api_gateway_method.route : method.authorization == "AWS_IAM" && method.api_key_required])
    error_message = "every call is signed and counted"
  }

  assert {
    condition     = alltrue([for set in aws_wafv2_regex_pattern_set.injection : length(set.regular_expression) <= 10])
    error_message = "the firewall takes ten patterns a set"
  }
}

run "each_path_of_the_samples_is_a_route" {
  command = plan

  assert {
    condition = length(setsubtract(
      ["v1/chat/completions", "v1/messages", "v1/output", "model/{modelId}/converse"], keys(aws_api_gateway_method.route),
    )) == 0
    error_message = "examples/sample_requests.md calls these"
  }

  assert {
    condition     = aws_api_gateway_resource.third["v1/chat/completions"].path_part == "completions"
    error_message = "a path is made of its parts"
  }

  assert {
    condition     = aws_lambda_permission.api["model/{modelId}/converse"].statement_id == "api-model-modelId-converse"
    error_message = "each path may call its filter"
  }
}

run "no_wildcard_model" {
  command = plan

  variables {
    bedrock_model_arns = ["arn:aws:bedrock:*::foundation-model/*"]
  }

  expect_failures = [var.bedrock_model_arns]
}

run "no_plain_http" {
  command = plan

  variables {
    private_model_url = "http://model.internal"
  }

  expect_failures = [var.private_model_url]
}
