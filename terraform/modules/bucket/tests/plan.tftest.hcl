mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws", dns_suffix = "amazonaws.com" }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
}

variables {
  name       = "llm-shield-results-test"
  encryption = { kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab" }
}

run "a_bucket_is_private_versioned_and_encrypted" {
  command = plan

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls, aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls, aws_s3_bucket_public_access_block.this.restrict_public_buckets,
    ])
    error_message = "nothing is public"
  }

  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "versions are kept"
  }

  assert {
    condition     = length(aws_s3_bucket_object_lock_configuration.this) == 0 && !aws_s3_bucket.this.object_lock_enabled
    error_message = "without a retention there is no Object Lock"
  }
}

run "a_retention_locks_objects" {
  command = plan

  variables {
    object_lock = { mode = "COMPLIANCE", days = 30 }
  }

  assert {
    condition     = aws_s3_bucket.this.object_lock_enabled && aws_s3_bucket_object_lock_configuration.this[0].rule[0].default_retention[0].mode == "COMPLIANCE"
    error_message = "Object Lock is on from the first object"
  }
}

run "a_retention_has_a_mode" {
  command = plan

  variables {
    object_lock = { mode = "NONE", days = 30 }
  }

  expect_failures = [var.object_lock]
}
