output "domain_name" {
  description = "CloudFront's own name for the distribution."
  value       = aws_cloudfront_distribution.this.domain_name
}

output "url" {
  description = "Where the page is."
  value       = "https://${concat(var.aliases, [aws_cloudfront_distribution.this.domain_name])[0]}"
}

output "urls" {
  description = "Every address that the page can be opened at."
  value       = [for name in concat(var.aliases, [aws_cloudfront_distribution.this.domain_name]) : "https://${name}"]
}
