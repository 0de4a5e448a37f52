output "topic_arn" {
  description = "Topic of alarms and findings"
  value       = aws_sns_topic.this.arn
}

output "trail_arn" {
  description = "The trail"
  value       = aws_cloudtrail.this.arn
}

output "trail_bucket" {
  description = "Bucket of the trail: name and ARN"
  value       = { name = module.bucket.name, arn = module.bucket.arn }
}

output "config_bucket" {
  description = "Bucket that Config delivers to: name and ARN; null where Config is not switched on here"
  value       = var.config ? { name = module.config_bucket[0].name, arn = module.config_bucket[0].arn } : null
}

output "guardduty_detector_id" {
  description = "GuardDuty's detector, if it is switched on here"
  value       = one(aws_guardduty_detector.this[*].id)
}

output "dashboard_names" {
  description = "Dashboards by subject"
  value       = { for subject, dashboard in aws_cloudwatch_dashboard.this : subject => dashboard.dashboard_name }
}
