output "private_subnet_ids" {
  description = "The private subnets, one per zone."
  value       = [for zone in local.zone_names : aws_subnet.private[zone].id]
}

output "public_subnet_ids" {
  description = "The public subnets, one per zone."
  value       = [for zone in local.zone_names : aws_subnet.public[zone].id]
}

output "security_group_ids" {
  description = "Security groups, by what carries them."
  value = merge(
    { functions = aws_security_group.functions.id },
    { for group in aws_security_group.egress : "egress" => group.id },
    { for group in aws_security_group.endpoints : "endpoints" => group.id }
  )
}

output "vpc_id" {
  description = "The VPC."
  value       = aws_vpc.this.id
}
