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
  trail_bucket_name  = "llm-shield-trail-test"
  config_bucket_name = "llm-shield-config-test"
  config_role_name   = "test-config"
  access_log_bucket  = "llm-shield-logs-test"
  data_bucket_arns   = ["arn:aws:s3:::llm-shield-results-test"]
  log_group_name     = "/llm-shield/api"
  cluster_name       = "test"
  service_name       = "test"
  balancer           = { balancer = "net/test/0123456789abcdef", target_group = "targetgroup/test/0123456789abcdef" }
  key_arns = {
    logs   = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    events = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
  }
}

run "the_trail_is_everywhere" {
  command = plan

  assert {
    condition     = aws_cloudtrail.this.is_multi_region_trail && aws_cloudtrail.this.enable_log_file_validation
    error_message = "all regions, with validation"
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.trail : length(alarm.metric_name) > 0])
    error_message = "an alarm for each pattern"
  }
}

run "config_delivers_into_a_bucket_without_a_lock" {
  command = plan

  assert {
    condition     = aws_config_delivery_channel.this[0].s3_bucket_name == "llm-shield-config-test"
    error_message = "the trail's bucket has a default retention, which Config cannot write under"
  }
}

run "each_plan_of_guardduty_can_be_switched_off" {
  command = plan

  variables {
    guardduty_plans = ["S3_DATA_EVENTS", "LAMBDA_NETWORK_LOGS"]
  }

  assert {
    condition     = { for name, plan in aws_guardduty_detector_feature.this : name => plan.status } == { S3_DATA_EVENTS = "ENABLED", LAMBDA_NETWORK_LOGS = "ENABLED", EKS_AUDIT_LOGS = "DISABLED", EBS_MALWARE_PROTECTION = "DISABLED", RDS_LOGIN_EVENTS = "DISABLED" }
    error_message = "what is not named is off"
  }

  assert {
    condition     = aws_guardduty_detector_feature.runtime[0].status == "DISABLED"
    error_message = "the agent, too"
  }
}

run "no_plan_that_guardduty_does_not_have" {
  command = plan

  variables {
    guardduty_plans = ["S3"]
  }

  expect_failures = [var.guardduty_plans]
}

run "what_the_organisation_does_is_left_to_it" {
  command = plan

  variables {
    guardduty    = false
    security_hub = false
    config       = false
  }

  assert {
    condition     = length(aws_guardduty_detector.this) + length(aws_securityhub_account.this) + length(aws_config_configuration_recorder.this) == 0
    error_message = "each can be switched off"
  }
}
