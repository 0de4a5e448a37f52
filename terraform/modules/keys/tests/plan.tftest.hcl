mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws", dns_suffix = "amazonaws.com" }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
}

variables {
  name       = "test"
  region     = "eu-west-1"
  account_id = "123456789012"
  users      = { audit_seal = ["task"], audit_sign = ["task"], audit_open = ["auditor"] }
}

run "keys_rotate_and_do_not_vanish" {
  command = plan

  assert {
    condition     = alltrue([for key in aws_kms_key.symmetric : key.enable_key_rotation && key.deletion_window_in_days == 30])
    error_message = "symmetric keys rotate; a deletion can be cancelled for 30 days"
  }

  assert {
    condition     = aws_kms_key.signing.key_usage == "SIGN_VERIFY" && aws_kms_key.signing.customer_master_key_spec == "ECC_NIST_P256"
    error_message = "checkpoints are signed with P-256"
  }
}

run "a_week_at_least" {
  command = plan

  variables {
    deletion_window_in_days = 3
  }

  expect_failures = [var.deletion_window_in_days]
}
