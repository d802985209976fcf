output "security_group_ids" {
  description = "The ids of the security groups, by the kind of functions that have them."
  value = merge(
    { functions = aws_security_group.functions.id },
    { for group in aws_security_group.egress : "egress" => group.id },
    { for group in aws_security_group.endpoint_clients : "endpoint_clients" => group.id }
  )
}
