# A private authority in short-lived mode: its certificates hold seven days at most, so none needs to be revoked. It signs
# the server's and the callers' certificates alike; who may ask it to is said by IAM.

data "aws_partition" "current" {}

resource "aws_acmpca_certificate_authority" "this" {
  type                            = "ROOT"
  usage_mode                      = "SHORT_LIVED_CERTIFICATE"
  key_storage_security_standard   = "FIPS_140_2_LEVEL_3_OR_HIGHER"
  permanent_deletion_time_in_days = var.permanent_deletion_time_in_days

  certificate_authority_configuration {
    key_algorithm     = "EC_prime256v1"
    signing_algorithm = "SHA256WITHECDSA"

    subject {
      common_name  = var.name
      organization = var.organization
    }
  }
}

resource "aws_acmpca_certificate" "root" {
  certificate_authority_arn   = aws_acmpca_certificate_authority.this.arn
  certificate_signing_request = aws_acmpca_certificate_authority.this.certificate_signing_request
  signing_algorithm           = "SHA256WITHECDSA"
  template_arn                = "arn:${data.aws_partition.current.partition}:acm-pca:::template/RootCACertificate/V1"

  validity {
    type  = "YEARS"
    value = tostring(var.validity_years)
  }
}

resource "aws_acmpca_certificate_authority_certificate" "this" {
  certificate_authority_arn = aws_acmpca_certificate_authority.this.arn
  certificate               = aws_acmpca_certificate.root.certificate
  certificate_chain         = aws_acmpca_certificate.root.certificate_chain
}

# What a principal needs to obtain end-entity certificates, and nothing more: no certificate of an authority.
data "aws_iam_policy_document" "issue" {
  statement {
    sid       = "Issue"
    actions   = ["acm-pca:IssueCertificate"]
    resources = [aws_acmpca_certificate_authority.this.arn]

    condition {
      test     = "ArnLike"
      variable = "acm-pca:TemplateArn"
      values   = ["arn:${data.aws_partition.current.partition}:acm-pca:::template/EndEntityCertificate/V*"]
    }
  }

  statement {
    sid       = "Fetch"
    actions   = ["acm-pca:GetCertificate", "acm-pca:GetCertificateAuthorityCertificate"]
    resources = [aws_acmpca_certificate_authority.this.arn]
  }
}
