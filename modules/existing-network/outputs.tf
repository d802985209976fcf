output "security_group_ids" {
  description = "Security groups, by what carries them."
  value = merge(
    { functions = aws_security_group.functions.id },
    { for group in aws_security_group.egress : "egress" => group.id },
    { for group in aws_security_group.endpoint_clients : "endpoint_clients" => group.id }
  )
}
