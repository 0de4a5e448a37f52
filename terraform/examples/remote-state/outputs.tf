output "backend" {
  description = "What goes into a file backend.tf beside terraform/main.tf"
  value       = <<-EOT
    terraform {
      backend "s3" {
        bucket       = "${module.state.name}"
        key          = "llm-shield/terraform.tfstate"
        region       = "${var.region}"
        kms_key_id   = "${aws_kms_key.state.arn}"
        encrypt      = true
        use_lockfile = true
      }
    }
  EOT
}
