variable "cors_origins" {
  description = <<-EOT
    The origins whose scripts may call the API: ["*"], or a list such as ["https://app.example.com"]. Write origins as browsers send them:
    in lower case, with a port only if it is not the default, without a path. Cookies are never allowed; keys and tokens are headers.
  EOT
  type        = list(string)
  default     = ["*"]
  nullable    = false

  validation {
    condition     = length(var.cors_origins) > 0
    error_message = "cors_origins is empty. Write [\"*\"], or origins such as [\"https://app.example.com\"]."
  }

  # Origins are compared as text with what browsers send:
  # https://url.spec.whatwg.org/#concept-url-serializer. An origin in another form would never
  # match.
  validation {
    condition = (
      var.cors_origins == tolist(["*"]) ||
      alltrue([for o in var.cors_origins : can(regex(local.origin_pattern, o)) && !can(regex(local.origin_default_port, o))])
    )
    error_message = join(" ", [for o in var.cors_origins : join("", [
      "cors_origins: ${try("\"${o}\"", "null")} ",
      try(o == "", false) ? "is empty" :
      try(o == "*", false) ? "allows every origin, so it has to be the only one" :
      try(o == "null", true) ? "would allow everyone: any page can send it from a sandbox" :
      !can(regex("^(?i:https?)://", o)) ? "does not begin with https:// or http://" :
      strcontains(o, "*") ? "contains a *, which is not a wildcard here" :
      strcontains(o, "@") ? "has a user, which browsers leave out" :
      can(regex("[?#]", o)) ? "has a query or a fragment, which browsers leave out" :
      can(regex("://[^/]*/$", o)) ? "ends in a slash, which browsers leave out" :
      can(regex("://[^/]*/", o)) ? "has a path, which browsers leave out" :
      strcontains(o, "[") ? "is an IPv6 address, which is not supported" :
      can(regex("[[:^ascii:]]", o)) ? "contains \"${regex("[[:^ascii:]]", o)}\", and browsers send such a host name in its xn-- form" :
      can(regex("[^!-~]", o)) ? "contains ${lookup(local.character_names, regex("[^!-~]", o), "a control character")}" :
      can(regex("[A-Z]", o)) ? "contains ${local.character_names[regex("[A-Z]", o)]}, which browsers send in lower case" :
      can(regex(local.origin_default_port, o)) ? "has its scheme's default port, which browsers leave out" :
      can(regex("://[^:]*:", o)) && can(regex(local.origin_pattern, regex("^[^:]*://[^:]*", o))) ?
      "has a port that is not from 1 to 65535, or that has leading zeros" :
      can(regex("://([^:]*[.])?(0x[0-9a-f]*|[0-9]+)(:|$)", o)) ? "has an IPv4 address that browsers write in another way" :
      "has a malformed host name",
      try(
        join("", [". Write \"", regex(local.origin_pattern, replace(
          join("://", regex("^(https?)://(?:[^/?#@]*@)?([^/?#@]+)", lower(o))), "/^(http:.*):80$|^(https:.*):443$/", "$1$2"
        )), "\"."]),
        ". Write an origin such as \"https://app.example.com\", or only [\"*\"]."
      ),
    ]) if !can(regex(local.origin_pattern, o)) || can(regex(local.origin_default_port, o))])
  }

  validation {
    condition = length(distinct(var.cors_origins)) == length(var.cors_origins)
    error_message = join(" ", [for origin, all in { for o in var.cors_origins : try("\"${o}\"", "null") => o... } :
      "cors_origins: ${origin} is listed more than once. Keep one." if length(all) > 1
    ])
  }

  validation {
    condition = try(length(join(" ", var.cors_origins)) <= 2600, true)
    error_message = join(" ", [
      "cors_origins: the origins have ${try(length(join(" ", var.cors_origins)), 0)} characters, and functions have room for 2600. Write",
      "fewer, or [\"*\"].",
    ])
  }
}

variable "docs" {
  description = "Who may read the API's OpenAPI document, at /openapi.json: open, api_key or none."
  type        = string
  default     = "open"
  nullable    = false

  validation {
    condition     = contains(["api_key", "none", "open"], var.docs)
    error_message = "docs: \"${var.docs}\" is not an access mode of the OpenAPI document. Write \"open\", \"api_key\" or \"none\"."
  }
}

variable "info" {
  description = <<-EOT
    The API's owner in the OpenAPI document.
    contact: the contact for questions about the API: name, email and url. The default name is the API's.
    license: the name and the url of the API's licence. By default, the OpenAPI document grants none.
  EOT
  type = object({
    contact = optional(object({ name = optional(string), email = optional(string), url = optional(string) }), {})
    license = optional(
      object({ name = string, url = string }), { name = "No licence granted", url = "https://choosealicense.com/no-permission/" }
    )
  })
  default  = {}
  nullable = false

  validation {
    condition = alltrue([for text in [try(var.info.contact.name, null), try(var.info.license.name, null)] :
      try(trimspace(text) != "", true)
    ])
    error_message = join(" ",
      [for place, text in { "contact.name" = try(var.info.contact.name, null), "license.name" = try(var.info.license.name, null)
        } :
        "info.${place} is empty. Write a name, or leave ${split(".", place)[0]} out." if !try(trimspace(text) != "", true)
    ])
  }

  validation {
    condition = alltrue([for url in [try(var.info.contact.url, null), try(var.info.license.url, null)] :
      url == null || can(regex(local.url_pattern, url))
    ])
    error_message = join(" ",
      [for place, url in { "contact.url" = try(var.info.contact.url, null), "license.url" = try(var.info.license.url, null) } :
        join("", [
          "info.${place}: ${jsonencode(url)} ",
          url == "" ? "is empty" :
          can(regex("\\s", url)) ? "contains a space" :
          "does not begin with https:// or http:// and a host",
          ". Write a URL such as \"https://example.com/terms\"."
    ]) if !(url == null || can(regex(local.url_pattern, url)))])
  }

  validation {
    condition = try(var.info.contact.email, null) == null || can(regex("^[^@\\s]+@[^@\\s]+$", var.info.contact.email))
    error_message = join(" ", [
      "info.contact.email: ${jsonencode(try(var.info.contact.email, null))} is not an address.",
      "Write one such as \"api@example.com\".",
    ])
  }
}

variable "throttle" {
  description = "The limits of each method: requests per second, and burst. Beyond these, the API returns 429."
  type = object({
    burst_limit = optional(number, 2000)
    rate_limit  = optional(number, 1000)
  })
  default  = {}
  nullable = false

  validation {
    condition = var.throttle.rate_limit > 0 && var.throttle.burst_limit > 0 && floor(var.throttle.burst_limit) == var.throttle.burst_limit
    error_message = join(" ", [
      "throttle: rate_limit is ${var.throttle.rate_limit} and burst_limit is ${var.throttle.burst_limit}. Write a rate_limit over 0, and a",
      "whole number over 0 as burst_limit.",
    ])
  }
}

variable "validate_bodies_at_gateway" {
  description = <<-EOT
    Whether API Gateway refuses bodies that do not match the schema. It then invokes no function for them, but its response does not show
    where the fault is.
  EOT
  type        = bool
  default     = false
  nullable    = false
}

variable "website" {
  description = <<-EOT
    The web console, a page for items and the API's documentation, or null for none. CloudFront serves it, and sends /api to the API. It
    costs nothing up to a terabyte and 10 million requests a month. With the access cognito, users also get a sign-in page
    (user_pool.domain_prefix).
    access_log: whether the distribution writes its access log to log_bucket. CloudFront requires a bucket with ACLs enabled.
    aliases: your own domain names for the page. website_url has the first one; point them to website_domain.
    certificate_arn: the certificate for the aliases, in us-east-1.
    price_class: "PriceClass_100" serves from North America and Europe, "PriceClass_200" also from Asia and Africa, "PriceClass_All" from
      everywhere.
    web_acl_arn: a web ACL of the scope CLOUDFRONT, which has to be in us-east-1. It protects the page; waf also protects /api behind it.
  EOT
  type = object({
    access_log      = optional(bool, true)
    aliases         = optional(list(string), [])
    certificate_arn = optional(string)
    price_class     = optional(string, "PriceClass_100")
    web_acl_arn     = optional(string)
  })
  default = null

  validation {
    condition = var.website == null || var.docs != "none"
    error_message = join(" ", [
      "website: the console needs the OpenAPI document, which docs = \"none\" hides. Write docs = \"open\" or \"api_key\", or website =",
      "null.",
    ])
  }

  validation {
    condition = try((length(var.website.aliases) == 0) == (var.website.certificate_arn == null), var.website == null)
    error_message = join(" ", [
      "website: aliases need a certificate, and a certificate is only for aliases. Write both aliases and certificate_arn, or neither.",
    ])
  }

  validation {
    condition = try(
      alltrue([for name in var.website.aliases : can(regex(local.domain_pattern, name))]),
      var.website == null
    )
    error_message = join(" ", [for name in try(var.website.aliases, []) :
      join(" ", [
        "website: the alias ${try("\"${name}\"", "null")} is not a full domain name in lower-case letters. Write one without https://,",
        "such as \"console.example.com\".",
      ])
      if !can(regex(local.domain_pattern, name))
    ])
  }

  validation {
    condition = try(length(distinct(var.website.aliases)) == length(var.website.aliases), var.website == null)
    error_message = join(" ", [for alias, all in { for name in try(var.website.aliases, []) : try("\"${name}\"", "null") => name... } :
      "website: the alias ${alias} is listed more than once. Keep one." if length(all) > 1
    ])
  }

  validation {
    condition = try(
      var.website.certificate_arn == null ||
      can(regex(replace(local.certificate_pattern, "REGION", "us-east-1"), var.website.certificate_arn)),
      var.website == null
    )
    error_message = join(" ", [
      "website: CloudFront accepts only ACM certificates in us-east-1, whatever the region is. Write certificate_arn as",
      "arn:aws:acm:us-east-1:ACCOUNT:certificate/ID.",
    ])
  }

  validation {
    condition = try(contains(["PriceClass_100", "PriceClass_200", "PriceClass_All"], var.website.price_class), var.website == null)
    error_message = join(" ", [
      "website: price_class is ${try("\"${var.website.price_class}\"", "null")}. Write \"PriceClass_100\", \"PriceClass_200\" or",
      "\"PriceClass_All\".",
    ])
  }

  validation {
    condition = try(
      var.website.web_acl_arn == null ||
      can(regex("^arn:[a-z-]+:wafv2:us-east-1:[0-9]{12}:global/webacl/[^/]+/[a-f0-9-]+$", var.website.web_acl_arn)),
      var.website == null
    )
    error_message = join(" ", [
      "website: CloudFront accepts only web ACLs of the scope CLOUDFRONT. Write web_acl_arn as",
      "arn:aws:wafv2:us-east-1:ACCOUNT:global/webacl/NAME/ID.",
    ])
  }
}
