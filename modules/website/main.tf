locals {
  bucket_arn = "arn:${var.scope.partition}:s3:::${aws_s3_bucket.page.bucket}"
  # Composed, so that a plan already shows it.
  bucket_host = "${aws_s3_bucket.page.bucket}.s3.${var.scope.region}.${var.scope.dns_suffix}"

  content_types = {
    css  = "text/css; charset=utf-8"
    html = "text/html; charset=utf-8"
    js   = "text/javascript; charset=utf-8"
    json = "application/json"
    svg  = "image/svg+xml"
  }

  # By their kinds, so that what an editor or a file manager leaves there is neither published nor part of the digest. The
  # pattern itself leaves out hidden files and #copies#, since fileset() fails at a link to nowhere, such as Emacs' locks.
  file_patterns = join(",", ["LICENSE.*", "[^.#]*.css", "[^.#]*.html", "[^.#]*.js", "[^.#]*.md", "[^.#]*.svg"])
  files         = [for file in fileset(var.source_folder, "**/{${local.file_patterns}}") : file if !can(regex("(^|/)[.]", file))]
  # Of the whole page: its modules name each other without it, so one that changes moves all of them.
  digest = substr(sha256(join("\n", [for file in local.files : "${file} ${filesha256("${var.source_folder}/${file}")}"])), 0, 16)

  # What is kept for ever has the digest in its name. What names it does not, and is asked for each time.
  assets = { for file in local.files : file => "${local.digest}/${trimprefix(file, "assets/")}" if startswith(file, "assets/") }
  entries = merge(
    { for file in local.files : file => file("${var.source_folder}/${file}") if !startswith(file, "assets/") },
    { "index.html" = replace(file("${var.source_folder}/index.html"), "assets/", "${local.digest}/") },
    { "config.json" = var.config },
  )

  # The page is ours to the last byte: nothing but its own files runs, and it talks to its own origin and to where users sign in.
  # Items are text to it, and Trusted Types makes a slip there an error of the browser.
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

# Not "this": checkov's scan of a plan takes the skips of the first module that calls its own bucket so.
resource "aws_s3_bucket" "page" {
  #checkov:skip=CKV_AWS_18:what is in it is public by way of CloudFront, and nobody gets at it otherwise
  #checkov:skip=CKV_AWS_21:the page comes out of the repository, which is its history
  #checkov:skip=CKV_AWS_144:the page comes out of the repository, which is its copy
  #checkov:skip=CKV_AWS_145:anyone may read the page, so a key of one's own would hide nothing
  #checkov:skip=CKV2_AWS_61:each apply takes away what it replaces
  #checkov:skip=CKV2_AWS_62:nothing follows from an object of the page
  bucket = var.bucket
  # All in it can be made again.
  force_destroy = true
  tags          = var.tags

  # A resource that is older than the region in its name keeps its name.
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

  # S3 refuses two changes of a bucket's access at a time.
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
  # Terraform shows this line if it does not know at the plan whether the name is null.
  count = var.log_bucket == null ? 0 : 1 # If the same apply makes the bucket, write log_bucket = coalesce(aws_s3_bucket.NAME.bucket).

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

  # An object has ten tags at most, which an environment may have more of.
  override_provider {
    default_tags {
      tags = {}
    }
  }

  # The old ones go when no page names them any more. The key names the content; the path to it depends on who calls the module.
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

  # A page never names what is not there yet.
  depends_on = [aws_s3_object.asset]
}

resource "aws_cloudfront_origin_access_control" "this" {
  name                              = var.name
  description                       = "Lets the distribution ${var.name} read its bucket"
  origin_access_control_origin_type = "s3"
  signing_behavior                  = "always"
  signing_protocol                  = "sigv4"

  # A resource that is older than the region in its name keeps its name.
  lifecycle {
    ignore_changes = [name]
  }
}

# The API knows nothing of where it is mounted. CloudFront chooses it by the path as it is without dot segments, and passes the path on with
# them: those could lead out of the mount, or out of the stage.
resource "aws_cloudfront_function" "mount" {
  name    = var.name
  comment = "Takes /api off the paths that go to the API, and tells it who asks"
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

  # A resource that is older than the region in its name keeps its name.
  lifecycle {
    ignore_changes = [name]
  }
}

resource "aws_cloudfront_response_headers_policy" "this" {
  #checkov:skip=CKV_AWS_259:below a name of your own there may be others, which are not for us to bind to HTTPS
  name    = var.name
  comment = "What browsers are told about ${var.name}"

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

  # A resource that is older than the region in its name keeps its name.
  lifecycle {
    ignore_changes = [name]
  }
}

resource "aws_cloudfront_distribution" "this" {
  #checkov:skip=CKV_AWS_86:requests are in the API's access log, callers in the functions' logs; a log of readers needs a bucket of its own
  #checkov:skip=CKV_AWS_174:with its own certificate CloudFront takes no other minimum; with a name of your own it is 1.2
  #checkov:skip=CKV_AWS_310:a second origin would need a second API
  #checkov:skip=CKV_AWS_374:whom a firewall lets in by country, this lets in as well
  #checkov:skip=CKV2_AWS_42:a certificate of your own is for a name of your own, website.aliases
  #checkov:skip=CKV2_AWS_47:a web ACL of the scope CLOUDFRONT is made in us-east-1, and named by website.web_acl_arn
  #checkov:skip=CKV_AWS_68:a web ACL of the scope CLOUDFRONT is made in us-east-1, and named by website.web_acl_arn
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

    # In place of one that a caller sent.
    dynamic "custom_header" {
      for_each = var.distribution_header == null ? [] : [var.distribution_header]
      content {
        name  = custom_header.value.name
        value = sensitive(custom_header.value.value)
      }
    }
  }

  # Standard logging, which AWS calls legacy: the newer one is set up in us-east-1, whatever the region, and this module has one provider.
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
    # AWS's CachingOptimized, which asks again after a second where it must.
    cache_policy_id            = "658327ea-f89d-4fab-a63d-7e88639e58f6"
    cached_methods             = ["GET", "HEAD"]
    compress                   = true
    response_headers_policy_id = aws_cloudfront_response_headers_policy.this.id
    target_origin_id           = "page"
    viewer_protocol_policy     = "redirect-to-https"
  }

  # HTTPS only, without a redirect: it would come when the key has been sent in the clear.
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

  # Without a page of their own, so the API's answers stay what they are. But CloudFront would give one caller's error to the
  # next for ten seconds, whatever the behaviour says of caches: an item that is there by now, or that is another owner's.
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
    # With CloudFront's own certificate browsers agree on TLS 1.2 or 1.3 as well, but older clients are not turned away.
    minimum_protocol_version = var.certificate_arn == null ? "TLSv1" : "TLSv1.2_2021"
    ssl_support_method       = var.certificate_arn == null ? null : "sni-only"
  }
}
