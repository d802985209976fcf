output "arn" {
  description = "The web ACL's ARN."
  value       = aws_wafv2_web_acl.this.arn
}

output "distribution_header" {
  description = "The secret header that identifies requests of the console's distribution."
  value       = { name = local.distribution_header_name, value = terraform_data.word.output }
}
