# The second line behind the security groups. Network ACLs know no state and no prefix lists, so answers from S3 are let
# in by its addresses. An ACL has 20 rules a direction: where S3 has more blocks in a region than there is room for, wider
# blocks around them are let in; the security groups still know S3 by its prefix list.

data "aws_ec2_managed_prefix_list" "s3" {
  count = var.s3_prefix_list == null ? 1 : 0

  name = "com.amazonaws.${var.region}.s3"
}

locals {
  s3_prefix_list_id = var.s3_prefix_list == null ? data.aws_ec2_managed_prefix_list.s3[0].id : var.s3_prefix_list.id
  s3_blocks = [
    for block in(var.s3_prefix_list == null ? data.aws_ec2_managed_prefix_list.s3[0].entries[*].cidr : var.s3_prefix_list.cidr_blocks) :
    { address = split("/", block)[0], bits = tonumber(split("/", block)[1]) }
  ]
  # The blocks themselves, then those of 16, 12 and 8 bits around them.
  s3_choices = [
    for bits in [32, 16, 12, 8] : sort(distinct([
      for block in local.s3_blocks :
      "${cidrhost("${block.address}/${min(bits, block.bits)}", 0)}/${min(bits, block.bits)}"
    ]))
  ]
  s3_cidr_blocks = try(
    [for blocks in local.s3_choices : blocks if length(blocks) + 3 * length(local.inside) <= local.acl_rules][0],
    local.s3_choices[3],
  )

  acl_rules = 20
  inside    = distinct(concat([var.cidr_block], var.client_cidr_blocks, try(var.private_model.cidr_blocks, [])))

  acl_ingress = concat(
    [for block in local.inside : { cidr = block, from = 443, to = 443 }],
    [for block in local.inside : { cidr = block, from = var.service_port, to = var.service_port }],
    [for block in concat(local.inside, local.s3_cidr_blocks) : { cidr = block, from = 1024, to = 65535 }],
  )
  acl_egress = concat(
    [for block in concat(local.inside, local.s3_cidr_blocks) : { cidr = block, from = 443, to = 443 }],
    [for block in local.inside : { cidr = block, from = 1024, to = 65535 }],
  )
}

resource "aws_network_acl" "private" {
  vpc_id     = aws_vpc.this.id
  subnet_ids = [for subnet in aws_subnet.private : subnet.id]

  tags = { Name = "${var.name}-private" }

  lifecycle {
    precondition {
      condition     = length(local.acl_ingress) <= local.acl_rules
      error_message = "Too many client_cidr_blocks: a network ACL has ${local.acl_rules} rules a direction, and this needs ${length(local.acl_ingress)}."
    }
  }
}

resource "aws_network_acl_rule" "ingress" {
  for_each = { for index, rule in local.acl_ingress : tostring(100 + index) => rule }

  network_acl_id = aws_network_acl.private.id
  rule_number    = tonumber(each.key)
  egress         = false
  protocol       = "tcp"
  rule_action    = "allow"
  cidr_block     = each.value.cidr
  from_port      = each.value.from
  to_port        = each.value.to
}

resource "aws_network_acl_rule" "egress" {
  for_each = { for index, rule in local.acl_egress : tostring(100 + index) => rule }

  network_acl_id = aws_network_acl.private.id
  rule_number    = tonumber(each.key)
  egress         = true
  protocol       = "tcp"
  rule_action    = "allow"
  cidr_block     = each.value.cidr
  from_port      = each.value.from
  to_port        = each.value.to
}
