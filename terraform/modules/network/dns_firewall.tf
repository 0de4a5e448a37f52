# Names are a way out as well: what is not on the list does not resolve, and every query is logged.

locals {
  firewall = var.dns_firewall ? 1 : 0
  # A leading star takes in the subdomains, not the domain itself.
  allowed_domains = sort(distinct(concat(
    flatten([
      for domain in concat(["amazonaws.com", "api.aws", var.internal_domain], var.allowed_domains) :
      ["${domain}.", "*.${domain}."]
    ]),
    ["*.compute.internal.", "*.in-addr.arpa."],
  )))
}

resource "aws_route53_resolver_firewall_domain_list" "allowed" {
  count = local.firewall

  name    = "${var.name}-allowed"
  domains = local.allowed_domains
}

resource "aws_route53_resolver_firewall_domain_list" "all" {
  count = local.firewall

  name    = "${var.name}-all"
  domains = ["*."]
}

resource "aws_route53_resolver_firewall_rule_group" "this" {
  count = local.firewall

  name = var.name
}

resource "aws_route53_resolver_firewall_rule" "allow" {
  count = local.firewall

  name                    = "allow-listed"
  action                  = "ALLOW"
  priority                = 100
  firewall_rule_group_id  = aws_route53_resolver_firewall_rule_group.this[0].id
  firewall_domain_list_id = aws_route53_resolver_firewall_domain_list.allowed[0].id
}

resource "aws_route53_resolver_firewall_rule" "block" {
  count = local.firewall

  name                    = "block-others"
  action                  = "BLOCK"
  block_response          = "NXDOMAIN"
  priority                = 200
  firewall_rule_group_id  = aws_route53_resolver_firewall_rule_group.this[0].id
  firewall_domain_list_id = aws_route53_resolver_firewall_domain_list.all[0].id
}

resource "aws_route53_resolver_firewall_rule_group_association" "this" {
  count = local.firewall

  name                   = var.name
  firewall_rule_group_id = aws_route53_resolver_firewall_rule_group.this[0].id
  vpc_id                 = aws_vpc.this.id
  priority               = 101
  mutation_protection    = "DISABLED"
}

# Fail closed: a firewall that does not answer lets nothing through.
resource "aws_route53_resolver_firewall_config" "this" {
  count = local.firewall

  resource_id        = aws_vpc.this.id
  firewall_fail_open = "DISABLED"
}

resource "aws_cloudwatch_log_group" "dns" {
  count = local.firewall

  name              = "/llm-shield/network/${var.name}-dns"
  kms_key_id        = var.log_kms_key_arn
  retention_in_days = var.log_retention_days
}

resource "aws_route53_resolver_query_log_config" "this" {
  count = local.firewall

  name            = var.name
  destination_arn = aws_cloudwatch_log_group.dns[0].arn
}

resource "aws_route53_resolver_query_log_config_association" "this" {
  count = local.firewall

  resolver_query_log_config_id = aws_route53_resolver_query_log_config.this[0].id
  resource_id                  = aws_vpc.this.id
}
