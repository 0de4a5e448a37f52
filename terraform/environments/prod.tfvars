# What production asks for. Name here, too: account_id, key_administrator_arns, publisher_role_names with
# application_role_names, operator_arns, auditor_arns, alarm_emails, image (by digest), bedrock_model_arns,
# certificate_rotation.
environment = "prod"

tasks     = { minimum = 3, maximum = 24 }
task_size = { cpu = 2048, memory = 4096 }

# Seven years, which nobody can shorten: try it in dev first.
object_lock          = { mode = "COMPLIANCE", days = 2557 }
log_retention_days   = 30
secret_recovery_days = 30
deletion_protection  = true

# Auditors then verify the log from within the VPC.
audit_reads_from_vpc_only = true
filter_concurrency        = 200

edge_throttle = { rate_limit = 1000, burst_limit = 2000, daily_quota = 5000000 }
