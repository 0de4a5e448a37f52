mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws", dns_suffix = "amazonaws.com" }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
}

variables {
  name = "test"
}

run "certificates_are_short_lived" {
  command = plan

  assert {
    condition     = aws_acmpca_certificate_authority.this.usage_mode == "SHORT_LIVED_CERTIFICATE"
    error_message = "no certificate of a caller holds longer than seven days"
  }

  assert {
    condition     = aws_acmpca_certificate_authority.this.type == "ROOT" && aws_acmpca_certificate.root.template_arn == "arn:aws:acm-pca:::template/RootCACertificate/V1"
    error_message = "the authority signs itself"
  }
}

run "an_authority_ends" {
  command = plan

  variables {
    validity_years = 30
  }

  expect_failures = [var.validity_years]
}
