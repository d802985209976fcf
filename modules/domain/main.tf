locals {
  certificate_arn = var.certificate_arn == null ? aws_acm_certificate_validation.this[0].certificate_arn : var.certificate_arn
}

resource "aws_acm_certificate" "this" {
  count = var.certificate_arn == null ? 1 : 0 # If the same apply creates it: certificate_arn = coalesce(aws_acm_certificate.NAME.arn).

  domain_name       = var.name
  tags              = var.tags
  validation_method = "DNS"

  # The domain switches to the new certificate before the old one is deleted.
  lifecycle {
    create_before_destroy = true
  }
}

# ACM renews the certificate as long as this record exists. All certificates of an account for a name share the record.
resource "aws_route53_record" "validation" {
  for_each = var.certificate_arn == null ? { (var.name) = one(aws_acm_certificate.this[0].domain_validation_options) } : {}

  allow_overwrite = true
  name            = each.value.resource_record_name
  records         = [each.value.resource_record_value]
  ttl             = 300
  type            = each.value.resource_record_type
  zone_id         = var.zone_id
}

resource "aws_acm_certificate_validation" "this" {
  count = var.certificate_arn == null ? 1 : 0

  certificate_arn         = aws_acm_certificate.this[0].arn
  validation_record_fqdns = values(aws_route53_record.validation)[*].fqdn
}

# TLS_1_2 is the provider's strictest security policy. It accepts TLS 1.2 and 1.3.
resource "aws_api_gateway_domain_name" "this" {
  domain_name                            = var.name
  ownership_verification_certificate_arn = try(var.truststore.ownership_certificate_arn, null)
  regional_certificate_arn               = local.certificate_arn
  security_policy                        = "TLS_1_2"
  tags                                   = var.tags

  endpoint_configuration {
    ip_address_type = "dualstack"
    types           = ["REGIONAL"]
  }

  dynamic "mutual_tls_authentication" {
    for_each = var.truststore[*]
    content {
      truststore_uri     = mutual_tls_authentication.value.uri
      truststore_version = mutual_tls_authentication.value.version
    }
  }
}

# Without a base path, so that the stage is at the root of the name.
resource "aws_api_gateway_base_path_mapping" "this" {
  api_id      = var.api_id
  domain_name = aws_api_gateway_domain_name.this.domain_name
  stage_name  = var.stage
}

resource "aws_route53_record" "alias" {
  for_each = var.certificate_arn == null ? toset(["A", "AAAA"]) : []

  name    = var.name
  type    = each.key
  zone_id = var.zone_id

  alias {
    evaluate_target_health = false
    name                   = aws_api_gateway_domain_name.this.regional_domain_name
    zone_id                = aws_api_gateway_domain_name.this.regional_zone_id
  }
}
