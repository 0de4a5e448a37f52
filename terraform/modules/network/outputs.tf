output "vpc_id" {
  description = "The VPC"
  value       = aws_vpc.this.id
}

output "vpc_cidr_block" {
  description = "Addresses of the VPC"
  value       = aws_vpc.this.cidr_block
}

output "private_subnet_ids" {
  description = "Private subnets, one for each zone"
  value       = [for zone in var.availability_zones : aws_subnet.private[zone].id]
}

output "security_group_ids" {
  description = "Security groups by who is in them: balancer, service, filters, endpoints"
  value = {
    balancer  = aws_security_group.balancer.id
    service   = aws_security_group.service.id
    filters   = aws_security_group.filters.id
    endpoints = aws_security_group.endpoints.id
  }
}

output "route_table_ids" {
  description = "Route tables of the private subnets by zone: for routes to clients and to a model outside the VPC"
  value       = { for zone, table in aws_route_table.private : zone => table.id }
}

output "s3_endpoint_id" {
  description = "Gateway endpoint of S3"
  value       = aws_vpc_endpoint.s3.id
}

output "interface_endpoint_ids" {
  description = "Interface endpoints by service"
  value       = { for service, endpoint in aws_vpc_endpoint.interface : service => endpoint.id }
}
