locals {
  bucket_arn = "arn:${var.scope.partition}:s3:::${aws_s3_bucket.page.bucket}"
  # Composed from known values, so that a plan shows it. The bucket's own attribute is known only after the apply.
  bucket_host = "${aws_s3_bucket.page.bucket}.s3.${var.scope.region}.${var.scope.dns_suffix}"

  content_types = {
    css  = "text/css; charset=utf-8"
    html = "text/html; charset=utf-8"
    js   = "text/javascript; charset=utf-8"
    json = "application/json"
    svg  = "image/svg+xml"
  }

  # Selected by extension, so that files of editors and file managers are neither published nor part of the digest. The pattern itself
  # excludes hidden files and #copies#, since fileset() fails on dangling symbolic links such as Emacs' lock files.
  file_patterns = join(",", ["LICENSE.*", "[^.#]*.css", "[^.#]*.html", "[^.#]*.js", "[^.#]*.md", "[^.#]*.svg"])
  files         = [for file in fileset(var.source_folder, "**/{${local.file_patterns}}") : file if !can(regex("(^|/)[.]", file))]
  # The digest of the whole page. Modules import each other by relative paths, so all files share one digest.
  digest = substr(sha256(join("\n", [for file in local.files : "${file} ${filesha256("${var.source_folder}/${file}")}"])), 0, 16)

  # Files with the digest in their path are cached for ever. Files that refer to them are revalidated each time.
  assets = { for file in local.files : file => "${local.digest}/${trimprefix(file, "assets/")}" if startswith(file, "assets/") }
  entries = merge(
    { for file in local.files : file => file("${var.source_folder}/${file}") if !startswith(file, "assets/") },
    { "index.html" = replace(file("${var.source_folder}/index.html"), "assets/", "${local.digest}/") },
    { "config.json" = var.config },
  )

  # The page runs only its own files, and connects only to its own origin and the sign-in pages. It shows items as text. With Trusted
  # Types, the browser blocks code that would insert them as HTML by mistake.
  content_security_policy = join("; ", [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    join(" ", concat(["connect-src 'self'"], var.sign_in_origins)),
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ])
}

# Not named "this", since checkov's scan of a plan applies the skips of the first module with a bucket of that name.
resource "aws_s3_bucket" "page" {
  #checkov:skip=CKV_AWS_18:its content is public through CloudFront, and nobody can read it otherwise
  #checkov:skip=CKV_AWS_21:the repository is the history of the page
  #checkov:skip=CKV_AWS_144:the repository is the copy of the page
  #checkov:skip=CKV_AWS_145:the page is public, so a customer key would hide nothing
  #checkov:skip=CKV2_AWS_61:each apply deletes the files that it replaces
  #checkov:skip=CKV2_AWS_62:nothing needs to react to the page's files
  bucket = var.bucket
  # All its content can be recreated.
  force_destroy = true
  tags          = var.tags

  # Older resources, whose names do not contain the region, keep their names.
  lifecycle {
    ignore_changes = [bucket]
  }
}

resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.page.bucket

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket = aws_s3_bucket.page.bucket

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true

  # S3 refuses concurrent changes of a bucket's access.
  depends_on = [aws_s3_bucket_ownership_controls.this]
}

resource "aws_s3_bucket_policy" "this" {
  bucket = aws_s3_bucket.page.bucket

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "TlsOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [local.bucket_arn, "${local.bucket_arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid       = "DistributionReads"
        Effect    = "Allow"
        Principal = { Service = "cloudfront.amazonaws.com" }
        Action    = "s3:GetObject"
        Resource  = "${local.bucket_arn}/*"
        Condition = { StringEquals = { "aws:SourceArn" = aws_cloudfront_distribution.this.arn } }
      },
    ]
  })

  depends_on = [aws_s3_bucket_public_access_block.this]
}

resource "aws_s3_bucket_logging" "this" {
  # Terraform shows the next line if a plan does not know whether the name is null.
  count = var.log_bucket == null ? 0 : 1 # If the same apply creates the bucket, write log_bucket = coalesce(aws_s3_bucket.NAME.bucket).

  bucket        = aws_s3_bucket.page.bucket
  target_bucket = var.log_bucket
  target_prefix = "s3/${aws_s3_bucket.page.bucket}/"
}

resource "aws_s3_object" "asset" {
  for_each = local.assets

  bucket        = aws_s3_bucket.page.bucket
  cache_control = "public, max-age=31536000, immutable"
  content_type  = lookup(local.content_types, element(split(".", each.key), -1), "text/plain; charset=utf-8")
  etag          = filemd5("${var.source_folder}/${each.key}")
  key           = each.value
  source        = "${var.source_folder}/${each.key}"

  # S3 accepts at most ten tags for an object, and default_tags may have more.
  override_provider {
    default_tags {
      tags = {}
    }
  }

  # New files are stored before old ones are deleted, since an open page may still refer to old ones. Changes of source are ignored: the
  # key already identifies the content, and the local path depends on the calling module.
  lifecycle {
    create_before_destroy = true
    ignore_changes        = [source]
  }
}

resource "aws_s3_object" "entry" {
  for_each = local.entries

  bucket        = aws_s3_bucket.page.bucket
  cache_control = "no-cache"
  content       = each.value
  content_type  = lookup(local.content_types, element(split(".", each.key), -1), "text/plain; charset=utf-8")
  etag          = md5(each.value)
  key           = each.key

  override_provider {
    default_tags {
      tags = {}
    }
  }

  # A page never refers to files that do not exist yet.
  depends_on = [aws_s3_object.asset]
}

resource "aws_cloudfront_origin_access_control" "this" {
  name                              = var.name
  description                       = "Lets the distribution ${var.name} read its bucket"
  origin_access_control_origin_type = "s3"
  signing_behavior                  = "always"
  signing_protocol                  = "sigv4"

  # Older resources, whose names do not contain the region, keep their names.
  lifecycle {
    ignore_changes = [name]
  }
}

# Removes /api, because the API does not know the path under which CloudFront serves it. Refuses dot segments (..), because CloudFront
# forwards them unresolved, and they could lead out of /api or the stage.
resource "aws_cloudfront_function" "mount" {
  name    = var.name
  comment = "Removes /api from the API's paths, and adds the caller's address"
  runtime = "cloudfront-js-2.0"
  code    = <<-JS
    function handler(event) {
      const request = event.request;
      if (!request.uri.startsWith("/api/") || /\/(\.|%2e){2}(\/|$)/i.test(request.uri)) {
        return { statusCode: 400 };
      }
      request.uri = request.uri.slice("/api".length);
      request.headers["x-viewer-address"] = { value: event.viewer.ip };
      return request;
    }
  JS

  # Older resources, whose names do not contain the region, keep their names.
  lifecycle {
    ignore_changes = [name]
  }
}

resource "aws_cloudfront_response_headers_policy" "this" {
  #checkov:skip=CKV_AWS_259:your domain may have other subdomains, which Trestle must not force to HTTPS
  name    = var.name
  comment = "Security headers of ${var.name}"

  custom_headers_config {
    items {
      header   = "Cross-Origin-Opener-Policy"
      override = true
      value    = "same-origin"
    }

    items {
      header   = "Permissions-Policy"
      override = true
      value    = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
    }
  }

  security_headers_config {
    content_security_policy {
      content_security_policy = local.content_security_policy
      override                = true
    }

    content_type_options {
      override = true
    }

    referrer_policy {
      override        = true
      referrer_policy = "no-referrer"
    }

    strict_transport_security {
      access_control_max_age_sec = 31536000
      override                   = true
    }
  }

  # Older resources, whose names do not contain the region, keep their names.
  lifecycle {
    ignore_changes = [name]
  }
}

resource "aws_cloudfront_distribution" "this" {
  #checkov:skip=CKV_AWS_86:the API's access log has its requests, the functions' logs their callers; a log of visitors needs another bucket
  #checkov:skip=CKV_AWS_174:with CloudFront's own certificate, no other minimum is possible; with your own domain it is TLS 1.2
  #checkov:skip=CKV_AWS_310:a second origin would need a second API
  #checkov:skip=CKV_AWS_374:the distribution admits the same countries as the firewall
  #checkov:skip=CKV2_AWS_42:your own certificate is for your own domain, in website.aliases
  #checkov:skip=CKV2_AWS_47:a web ACL with the scope CLOUDFRONT has to be in us-east-1, and website.web_acl_arn names it
  #checkov:skip=CKV_AWS_68:a web ACL with the scope CLOUDFRONT has to be in us-east-1, and website.web_acl_arn names it
  comment             = var.name
  aliases             = var.aliases
  default_root_object = "index.html"
  enabled             = true
  http_version        = "http2and3"
  is_ipv6_enabled     = true
  price_class         = var.price_class
  tags                = var.tags
  web_acl_id          = var.web_acl_arn

  origin {
    domain_name              = local.bucket_host
    origin_access_control_id = aws_cloudfront_origin_access_control.this.id
    origin_id                = "page"
  }

  origin {
    domain_name = var.api.host
    origin_id   = "api"
    origin_path = var.api.path

    custom_origin_config {
      http_port              = 80
      https_port             = 443
      origin_protocol_policy = "https-only"
      origin_ssl_protocols   = ["TLSv1.2"]
    }

    # Overrides the header if a caller sends it.
    dynamic "custom_header" {
      for_each = var.distribution_header == null ? [] : [var.distribution_header]
      content {
        name  = custom_header.value.name
        value = sensitive(custom_header.value.value)
      }
    }
  }

  # Standard logging, which AWS calls legacy. The newer logging is configured only in us-east-1, and this module has one provider.
  dynamic "logging_config" {
    for_each = [for bucket in var.log_bucket[*] : bucket if var.access_log]
    content {
      bucket          = "${logging_config.value}.s3.${var.scope.dns_suffix}"
      include_cookies = false
      prefix          = "cloudfront/${var.name}/"
    }
  }

  default_cache_behavior {
    allowed_methods = ["GET", "HEAD"]
    # AWS's CachingOptimized, which revalidates after a second if headers require it.
    cache_policy_id            = "658327ea-f89d-4fab-a63d-7e88639e58f6"
    cached_methods             = ["GET", "HEAD"]
    compress                   = true
    response_headers_policy_id = aws_cloudfront_response_headers_policy.this.id
    target_origin_id           = "page"
    viewer_protocol_policy     = "redirect-to-https"
  }

  # HTTPS only, without a redirect, which would come after the key was sent in plain text.
  ordered_cache_behavior {
    allowed_methods            = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]
    cache_policy_id            = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad" # AWS's CachingDisabled
    cached_methods             = ["GET", "HEAD"]
    compress                   = true
    origin_request_policy_id   = "b689b0a8-53d0-40ab-baf2-68738e2966ac" # AWS's AllViewerExceptHostHeader
    path_pattern               = "/api/*"
    response_headers_policy_id = aws_cloudfront_response_headers_policy.this.id
    target_origin_id           = "api"
    viewer_protocol_policy     = "https-only"

    function_association {
      event_type   = "viewer-request"
      function_arn = aws_cloudfront_function.mount.arn
    }
  }

  # There are no error pages, so that the API's responses stay unchanged. The TTL is 0. Otherwise CloudFront would repeat an error for ten
  # seconds, regardless of the behaviour's cache policy, even to other callers and for an item that has been created since.
  dynamic "custom_error_response" {
    for_each = [400, 403, 404, 405, 414, 500, 501, 502, 503, 504]
    content {
      error_caching_min_ttl = 0
      error_code            = custom_error_response.value
    }
  }

  restrictions {
    geo_restriction {
      locations        = var.countries
      restriction_type = length(var.countries) == 0 ? "none" : "whitelist"
    }
  }

  viewer_certificate {
    acm_certificate_arn            = var.certificate_arn
    cloudfront_default_certificate = var.certificate_arn == null
    # With CloudFront's own certificate, browsers also use TLS 1.2 or 1.3, but CloudFront accepts older clients.
    minimum_protocol_version = var.certificate_arn == null ? "TLSv1" : "TLSv1.2_2021"
    ssl_support_method       = var.certificate_arn == null ? null : "sni-only"
  }
}
