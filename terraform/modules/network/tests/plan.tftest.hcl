mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws", dns_suffix = "amazonaws.com" }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
}

variables {
  name               = "test"
  region             = "eu-west-1"
  account_id         = "123456789012"
  availability_zones = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
  s3_prefix_list     = { id = "pl-6da54004", cidr_blocks = ["52.218.0.0/17"] }
  log_kms_key_arn    = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
}

run "every_zone_has_a_private_subnet" {
  command = plan

  assert {
    condition     = length(aws_subnet.private) == 3 && alltrue([for subnet in aws_subnet.private : !subnet.map_public_ip_on_launch])
    error_message = "a private subnet for each zone, without public addresses"
  }

  assert {
    condition     = alltrue([for rule in aws_network_acl_rule.ingress : rule.cidr_block != "0.0.0.0/0"])
    error_message = "nothing comes in from everywhere"
  }

  assert {
    condition     = length(aws_vpc_endpoint.interface) == length(var.interface_endpoints)
    error_message = "an endpoint for each service"
  }
}

run "a_client_is_private" {
  command = plan

  variables {
    client_cidr_blocks = ["0.0.0.0/0"]
  }

  expect_failures = [var.client_cidr_blocks]
}

run "what_the_service_needs_has_an_endpoint" {
  command = plan

  variables {
    interface_endpoints = ["logs"]
  }

  expect_failures = [var.interface_endpoints]
}

run "an_acl_has_room_for_s3" {
  command = plan

  variables {
    s3_prefix_list = { id = "pl-6da54004", cidr_blocks = [for index in range(30) : "54.231.${index * 8}.0/21"] }
  }

  assert {
    condition     = length(aws_network_acl_rule.ingress) <= 20 && contains(local.s3_cidr_blocks, "54.231.0.0/16")
    error_message = "many blocks of S3 become a wider one"
  }
}

run "too_many_clients_are_told" {
  command = plan

  variables {
    client_cidr_blocks = [for index in range(8) : "10.${100 + index}.0.0/16"]
  }

  expect_failures = [aws_network_acl.private]
}

run "filters_are_let_out_to_a_private_model" {
  command = plan

  variables {
    private_model = { cidr_blocks = ["10.20.0.0/24"], port = 8080 }
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.filters_to_model_cidr["10.20.0.0/24"].from_port == 8080
    error_message = "the filters' group lets them out"
  }

  assert {
    condition     = anytrue([for rule in aws_network_acl_rule.egress : rule.cidr_block == "10.20.0.0/24" && rule.from_port <= 8080 && rule.to_port >= 8080])
    error_message = "the network ACL lets them out, too"
  }
}

run "a_private_model_is_private" {
  command = plan

  variables {
    private_model = { cidr_blocks = ["52.1.2.3/32"] }
  }

  expect_failures = [var.private_model]
}
