output "target" {
  description = "What DNS records of the name point to: name, for a CNAME or an alias; and zone_id, which an alias needs as well."
  value = {
    name    = aws_api_gateway_domain_name.this.regional_domain_name
    zone_id = aws_api_gateway_domain_name.this.regional_zone_id
  }
}

output "url" {
  description = "Where the stage answers once its DNS records are there."
  value       = "https://${var.name}"

  depends_on = [aws_api_gateway_base_path_mapping.this, aws_route53_record.alias]
}
