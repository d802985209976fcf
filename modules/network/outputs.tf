output "private_subnet_ids" {
  description = "The ids of the private subnets, one per zone."
  value       = [for zone in local.zone_names : aws_subnet.private[zone].id]
}

output "public_subnet_ids" {
  description = "The ids of the public subnets, one per zone."
  value       = [for zone in local.zone_names : aws_subnet.public[zone].id]
}

output "security_group_ids" {
  description = "The ids of the security groups, by the kind of resources that have them."
  value = merge(
    { functions = aws_security_group.functions.id },
    { for group in aws_security_group.egress : "egress" => group.id },
    { for group in aws_security_group.endpoints : "endpoints" => group.id }
  )
}

output "vpc_id" {
  description = "The VPC's id."
  value       = aws_vpc.this.id
}
