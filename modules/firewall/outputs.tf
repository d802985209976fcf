output "arn" {
  description = "The web ACL, to put in front of something."
  value       = aws_wafv2_web_acl.this.arn
}

output "word" {
  description = "The header by which the firewall knows the console's distribution, and what it says."
  value       = { header = local.word_header, value = terraform_data.word.output }
}
