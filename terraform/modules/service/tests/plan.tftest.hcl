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
  vpc_id             = "vpc-0123456789abcdef0"
  subnet_ids         = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
  security_group_ids = { balancer = "sg-0123456789abcdef0", service = "sg-0123456789abcdef1" }
  role_names         = { task = "test-task", execution = "test-execution" }
  secret_arns        = ["arn:aws:secretsmanager:eu-west-1:123456789012:secret:llm-shield/tls/cert-AbCdEf"]
  key_arns = {
    audit   = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    signing = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    logs    = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    secrets = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    buckets = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    events  = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    tasks   = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
  }
  buckets = {
    models  = { name = "llm-shield-models-test", arn = "arn:aws:s3:::llm-shield-models-test" }
    results = { name = "llm-shield-results-test", arn = "arn:aws:s3:::llm-shield-results-test" }
  }
  image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/llm-shield@sha256:0000000000000000000000000000000000000000000000000000000000000000"
}

run "a_task_is_locked_down" {
  command = plan

  assert {
    condition = alltrue([
      for container in jsondecode(aws_ecs_task_definition.this.container_definitions) :
      container.readonlyRootFilesystem && container.user == "65532:65532" && container.linuxParameters.capabilities.drop == ["ALL"]
    ])
    error_message = "read-only, as nobody, without capabilities"
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].stopTimeout > var.drain_seconds
    error_message = "a task is given the time to drain"
  }

  assert {
    condition     = aws_lb.this.internal && aws_lb_listener.this.protocol == "TCP"
    error_message = "TLS ends in the task, behind an internal load balancer"
  }

  assert {
    condition     = !aws_ecs_service.this.network_configuration[0].assign_public_ip
    error_message = "no public address"
  }
}

run "the_drain_fits_fargate" {
  command = plan

  variables {
    drain_seconds = 300
  }

  expect_failures = [var.drain_seconds]
}
