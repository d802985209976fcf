output "arn" {
  description = "The web ACL, to put in front of something."
  value       = aws_wafv2_web_acl.this.arn
}

output "distribution_header" {
  description = "The secret header by which the firewall recognizes requests of the console's distribution."
  value       = { name = local.distribution_header_name, value = terraform_data.word.output }
}
