variable "domain" {
  description = <<-EOT
    The API's own domain name, with TLS 1.2 or 1.3, or null for API Gateway's address. It costs nothing. The API then answers only at that
    name.
    certificate_arn: the ACM certificate for the name, in the API's region. You create the DNS record, which points to the output
      domain_target. If the same apply creates the certificate, write coalesce(aws_acm_certificate.NAME.arn), so that a plan knows that the
      ARN is not null.
    name: the domain name, such as "api.example.com". Each environment needs its own.
    ownership_certificate_arn: a certificate for the name that ACM issued. You need it with truststore if certificate_arn is imported or
      issued by a private authority.
    truststore: enables mutual TLS. The API answers only clients with a certificate of an authority in this file, s3://BUCKET/KEY. The
      bucket has to be in the API's region.
    truststore_version: the version of that object. Without it, a plan does not notice a new version.
    zone_id: the Route 53 hosted zone for the name, in place of certificate_arn. Trestle then creates the certificate and the DNS records.
  EOT
  type = object({
    certificate_arn           = optional(string)
    name                      = string
    ownership_certificate_arn = optional(string)
    truststore                = optional(string)
    truststore_version        = optional(string)
    zone_id                   = optional(string)
  })
  default = null

  validation {
    condition = try(can(regex(local.domain_pattern, var.domain.name)) && length(var.domain.name) <= 253, var.domain == null)
    error_message = join("", [
      "domain.name: ${try("\"${var.domain.name}\"", "null")} ",
      try(var.domain.name == "", false) ? "is empty" :
      can(regex("://", var.domain.name)) ? "is a URL" :
      can(regex("[/:]", var.domain.name)) ? "contains ${local.character_names[regex("[/:]", var.domain.name)]}" :
      can(regex("[A-Z]", var.domain.name)) ? "contains ${local.character_names[regex("[A-Z]", var.domain.name)]}" :
      can(regex("[*]", var.domain.name)) ? "contains a wildcard" :
      try(length(var.domain.name) > 253, false) ? "has ${try(length(var.domain.name), 0)} characters, and DNS allows 253" :
      "is not a full domain name of letters, digits, hyphens and dots",
      ". Write one in lower-case letters, without https:// or a path, such as \"api.example.com\".",
    ])
  }

  validation {
    condition = try((var.domain.certificate_arn == null) != (var.domain.zone_id == null), var.domain == null)
    error_message = join(" ", [
      "domain:",
      try(var.domain.zone_id, null) == null ? "certificate_arn and zone_id are missing." :
      "zone_id and certificate_arn exclude each other.",
      "Write zone_id so that Trestle creates the certificate and the DNS records, or the certificate_arn of an existing certificate.",
    ])
  }

  # The first name of an ACM certificate is also its common name, whose length RFC 5280 limits.
  validation {
    condition = try(var.domain.certificate_arn != null || length(var.domain.name) <= 64, var.domain == null)
    error_message = join(" ", [
      "domain.name has ${try(length(var.domain.name), 0)} characters, and ACM creates certificates for up to 64. Write a shorter name, or",
      "the certificate_arn of a certificate that has it as an alternative name.",
    ])
  }

  validation {
    condition = try(
      var.domain.certificate_arn == null ||
      can(regex(replace(local.certificate_pattern, "REGION", var.region), var.domain.certificate_arn)),
      var.domain == null
    )
    error_message = join(" ", [
      "domain.certificate_arn: ${jsonencode(try(var.domain.certificate_arn, null))} is not a certificate of ACM in ${var.region},",
      "where the API is. Write arn:aws:acm:${var.region}:ACCOUNT:certificate/ID.",
    ])
  }

  validation {
    condition = try(var.domain.zone_id == null || can(regex("^Z[A-Z0-9]{1,31}$", var.domain.zone_id)), var.domain == null)
    error_message = join(" ", [
      "domain.zone_id: ${jsonencode(try(var.domain.zone_id, null))} is not the id of a hosted zone. Write one such as",
      "\"Z0123456789ABCDEFGHIJ\".",
    ])
  }

  validation {
    condition = try(
      var.domain.truststore == null || can(regex("^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/.+$", var.domain.truststore)),
      var.domain == null
    )
    error_message = join(" ", [
      "domain.truststore: ${jsonencode(try(var.domain.truststore, null))} is not an object in S3. Write s3://BUCKET/KEY, such as",
      "\"s3://example-truststore/clients.pem\".",
    ])
  }

  validation {
    condition = try(
      var.domain.truststore != null || var.domain.ownership_certificate_arn == null && var.domain.truststore_version == null,
      var.domain == null
    )
    error_message = join(" ", [
      "domain: ownership_certificate_arn and truststore_version are for mutual TLS. Write truststore, too, or leave them out.",
    ])
  }

  validation {
    condition = try(
      var.domain.ownership_certificate_arn == null ||
      var.domain.certificate_arn != null &&
      can(regex(replace(local.certificate_pattern, "REGION", var.region), var.domain.ownership_certificate_arn)),
      var.domain == null
    )
    error_message = join(" ", [
      "domain.ownership_certificate_arn: this certificate proves ownership of the name if certificate_arn cannot. Write it beside",
      "certificate_arn, as arn:aws:acm:${var.region}:ACCOUNT:certificate/ID, or leave it out.",
    ])
  }

  # CloudFront has no client certificate.
  validation {
    condition = try(var.domain.truststore == null, var.domain == null) || var.website == null
    error_message = join(" ", [
      "domain.truststore excludes website, because the website's distribution has no client certificate for the API. Write website = null,",
      "or leave truststore out.",
    ])
  }

  validation {
    condition = try(!contains(try(var.website.aliases, []), var.domain.name), var.domain == null)
    error_message = join(" ", [
      "domain.name: ${try(var.domain.name, "")} is also in website.aliases. Write another name for the API or for the website.",
    ])
  }
}

variable "private" {
  description = <<-EOT
    An API that answers only inside VPCs, or null for an API on the internet. It costs nothing itself.
    vpc_endpoint_ids: the interface endpoints for execute-api that may call the API. API Gateway refuses all other calls. The output
      private_urls has the API's address for each endpoint.
  EOT
  type = object({
    vpc_endpoint_ids = set(string)
  })
  default = null

  validation {
    condition     = try(length(var.private.vpc_endpoint_ids) > 0, var.private == null)
    error_message = "private.vpc_endpoint_ids is empty, so nobody could call the API. Write ids such as [\"vpce-0123456789abcdef0\"]."
  }

  validation {
    condition = try(alltrue([for id in var.private.vpc_endpoint_ids : can(regex("^vpce-[0-9a-f]{8,17}$", id))]), var.private == null)
    error_message = join(" ", [for id in try(var.private.vpc_endpoint_ids, []) :
      "private.vpc_endpoint_ids: ${jsonencode(id)} is not the id of a VPC endpoint. Write one such as \"vpce-0123456789abcdef0\"."
      if !can(regex("^vpce-[0-9a-f]{8,17}$", id))
    ])
  }

  validation {
    condition = var.private == null || var.domain == null
    error_message = join(" ", [
      "private excludes domain, which is for an API on the internet. Write domain = null, and call the API at the URLs in the output",
      "private_urls.",
    ])
  }

  validation {
    condition = var.private == null || var.website == null
    error_message = join(" ", [
      "private excludes website, because CloudFront cannot reach an API inside a VPC. Write website = null.",
    ])
  }

  validation {
    condition = var.private == null || length(try(var.waf.countries, [])) == 0
    error_message = join(" ", [
      "private excludes waf.countries, because addresses inside a VPC have no country. Leave countries out.",
    ])
  }
}
