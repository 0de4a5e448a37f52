# Who may talk to whom. Every rule names a security group or a private address; the only prefix list is S3's.

resource "aws_security_group" "balancer" {
  name        = "${var.name}-balancer"
  description = "The internal load balancer in front of the service"
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${var.name}-balancer" }
}

resource "aws_security_group" "service" {
  name        = "${var.name}-service"
  description = "Tasks of the service"
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${var.name}-service" }
}

resource "aws_security_group" "filters" {
  name        = "${var.name}-filters"
  description = "Lambda filters and the rotation of secrets"
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${var.name}-filters" }
}

resource "aws_security_group" "endpoints" {
  name        = "${var.name}-endpoints"
  description = "Interface endpoints of AWS services"
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${var.name}-endpoints" }
}

# Callers → load balancer → tasks.

resource "aws_vpc_security_group_ingress_rule" "balancer_from_cidr" {
  for_each = toset(concat([var.cidr_block], var.client_cidr_blocks))

  security_group_id = aws_security_group.balancer.id
  description       = "Callers of the service in ${each.key}"
  cidr_ipv4         = each.key
  ip_protocol       = "tcp"
  from_port         = var.service_port
  to_port           = var.service_port
}

resource "aws_vpc_security_group_ingress_rule" "balancer_from_group" {
  for_each = var.client_security_group_ids

  security_group_id            = aws_security_group.balancer.id
  description                  = "Callers of the service: ${each.key}"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = var.service_port
  to_port                      = var.service_port
}

resource "aws_vpc_security_group_egress_rule" "balancer_to_service" {
  security_group_id            = aws_security_group.balancer.id
  description                  = "Tasks of the service"
  referenced_security_group_id = aws_security_group.service.id
  ip_protocol                  = "tcp"
  from_port                    = var.service_port
  to_port                      = var.service_port
}

resource "aws_vpc_security_group_ingress_rule" "service_from_balancer" {
  security_group_id            = aws_security_group.service.id
  description                  = "The load balancer: calls and health checks"
  referenced_security_group_id = aws_security_group.balancer.id
  ip_protocol                  = "tcp"
  from_port                    = var.service_port
  to_port                      = var.service_port
}

# Callers that find tasks through Cloud Map come straight to them.
resource "aws_vpc_security_group_ingress_rule" "service_from_filters" {
  security_group_id            = aws_security_group.service.id
  description                  = "Lambda filters that find tasks by name"
  referenced_security_group_id = aws_security_group.filters.id
  ip_protocol                  = "tcp"
  from_port                    = var.service_port
  to_port                      = var.service_port
}

resource "aws_vpc_security_group_egress_rule" "filters_to_service" {
  for_each = { balancer = aws_security_group.balancer.id, tasks = aws_security_group.service.id }

  security_group_id            = aws_security_group.filters.id
  description                  = "The service: ${each.key}"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = var.service_port
  to_port                      = var.service_port
}

# Everyone of ours → AWS.

resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  for_each = { service = aws_security_group.service.id, filters = aws_security_group.filters.id }

  security_group_id            = aws_security_group.endpoints.id
  description                  = "AWS services for: ${each.key}"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

# The private API is called through its endpoint.
resource "aws_vpc_security_group_ingress_rule" "endpoints_from_callers" {
  for_each = toset(concat([var.cidr_block], var.client_cidr_blocks))

  security_group_id = aws_security_group.endpoints.id
  description       = "Callers of the private API in ${each.key}"
  cidr_ipv4         = each.key
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "to_endpoints" {
  for_each = { service = aws_security_group.service.id, filters = aws_security_group.filters.id }

  security_group_id            = each.value
  description                  = "Interface endpoints"
  referenced_security_group_id = aws_security_group.endpoints.id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_vpc_security_group_egress_rule" "service_to_s3" {
  security_group_id = aws_security_group.service.id
  description       = "S3 through its gateway endpoint, image layers too"
  prefix_list_id    = local.s3_prefix_list_id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

# Filters → a model of our own, where there is one.

resource "aws_vpc_security_group_egress_rule" "filters_to_model_group" {
  for_each = try(var.private_model.security_group_ids, {})

  security_group_id            = aws_security_group.filters.id
  description                  = "The private model: ${each.key}"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = var.private_model.port
  to_port                      = var.private_model.port
}

resource "aws_vpc_security_group_egress_rule" "filters_to_model_cidr" {
  for_each = toset(try(var.private_model.cidr_blocks, []))

  security_group_id = aws_security_group.filters.id
  description       = "The private model in ${each.key}"
  cidr_ipv4         = each.key
  ip_protocol       = "tcp"
  from_port         = var.private_model.port
  to_port           = var.private_model.port
}
