output "target" {
  description = "The target of DNS records for the name: name for a CNAME or an alias, and zone_id, which an alias also needs."
  value = {
    name    = aws_api_gateway_domain_name.this.regional_domain_name
    zone_id = aws_api_gateway_domain_name.this.regional_zone_id
  }
}

output "url" {
  description = "The stage's URL, known once the mapping and the DNS records exist."
  value       = "https://${var.name}"

  depends_on = [aws_api_gateway_base_path_mapping.this, aws_route53_record.alias]
}
