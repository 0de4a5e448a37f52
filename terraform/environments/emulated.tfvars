# For an account emulated by moto (terraform/README.md): nothing is looked up, and what moto does not have is off.
environment = "dev"
account_id  = "123456789012"

availability_zones = ["us-east-1a", "us-east-1b", "us-east-1c"]
s3_prefix_list     = { id = "pl-63a5400a", cidr_blocks = ["3.5.0.0/19", "16.15.192.0/18", "52.216.0.0/15"] }
# S3 Control's calls have the account before the name of the host, which an address cannot have.
endpoints         = { default = "http://127.0.0.1:5000", s3control = "http://localhost:5000" }
s3_use_path_style = true

object_lock          = { mode = "GOVERNANCE", days = 1 }
secret_recovery_days = 7

dns_firewall = false               # moto has no Resolver DNS Firewall
guardduty    = false               # nor more than the last of a detector's features, and the provider reads each
security_hub = false               # nor Security Hub's standards
scaling      = { enabled = false } # nor the tags of scalable targets, which the provider reads
