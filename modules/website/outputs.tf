output "domain_name" {
  description = "The distribution's domain name at CloudFront."
  value       = aws_cloudfront_distribution.this.domain_name
}

output "url" {
  description = "The page's URL."
  value       = "https://${concat(var.aliases, [aws_cloudfront_distribution.this.domain_name])[0]}"
}

output "urls" {
  description = "All URLs of the page."
  value       = [for name in concat(var.aliases, [aws_cloudfront_distribution.this.domain_name]) : "https://${name}"]
}
