output "arn" {
  description = "The web ACL, to put in front of something."
  value       = aws_wafv2_web_acl.this.arn
}
