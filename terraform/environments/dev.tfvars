# Small and removable. Everything that protects is on; what is cheaper is only how much and for how long.
environment = "dev"

tasks     = { minimum = 1, maximum = 3 }
task_size = { cpu = 512, memory = 1024 }

object_lock          = { mode = "GOVERNANCE", days = 1 }
log_retention_days   = 7
secret_recovery_days = 7
deletion_protection  = false

edge_throttle = { rate_limit = 20, burst_limit = 40, daily_quota = 10000 }
