locals {
  distribution_header_name = "x-distribution-word"
}

# Requests from the web console pass through its CloudFront distribution (AWS's CDN), and arrive from
# CloudFront's addresses. The distribution adds this secret to them as a header, so that the rules
# below recognize them: rate-of-console limits each user by the address that the distribution
# reports, and the other rate rule and the country rule skip them. The distribution checks countries
# itself.
resource "terraform_data" "word" {
  input = uuid()

  # A new secret could block the console's users until all CloudFront locations send it.
  lifecycle {
    ignore_changes = [input]
  }
}

# sampled_requests_enabled is false everywhere: samples of requests contain callers' keys and
# tokens, since redacted_fields applies only to the log.
resource "aws_wafv2_web_acl" "this" {
  name        = var.name
  description = "In front of ${var.name}"
  scope       = var.web_acl_scope
  tags        = var.tags

  default_action {
    allow {}
  }

  # Rate rules run first (priorities 0 and 1), since they are the cheapest checks.
  rule {
    name     = "rate"
    priority = 1

    action {
      block {}
    }

    statement {
      rate_based_statement {
        aggregate_key_type    = "IP"
        evaluation_window_sec = 300
        limit                 = var.rate_limit

        scope_down_statement {
          not_statement {
            statement {
              byte_match_statement {
                positional_constraint = "EXACTLY"
                search_string         = sensitive(terraform_data.word.output)

                field_to_match {
                  single_header {
                    name = local.distribution_header_name
                  }
                }

                text_transformation {
                  priority = 0
                  type     = "NONE"
                }
              }
            }
          }
        }
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "${var.name}-rate"
      sampled_requests_enabled   = false
    }
  }

  rule {
    name     = "known-bad-inputs"
    priority = 3

    override_action {
      none {}
    }

    statement {
      managed_rule_group_statement {
        name        = "AWSManagedRulesKnownBadInputsRuleSet"
        vendor_name = "AWS"
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "${var.name}-known-bad-inputs"
      sampled_requests_enabled   = false
    }
  }

  # Requests from VPNs, proxies and hosting providers are only counted: many legitimate users have
  # VPNs, and servers that call the API run in clouds.
  rule {
    name     = "anonymous-addresses"
    priority = 4

    override_action {
      count {}
    }

    statement {
      managed_rule_group_statement {
        name        = "AWSManagedRulesAnonymousIpList"
        vendor_name = "AWS"
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "${var.name}-anonymous-addresses"
      sampled_requests_enabled   = false
    }
  }

  dynamic "rule" {
    for_each = var.console ? [var.rate_limit] : []
    content {
      name     = "rate-of-console"
      priority = 0

      action {
        block {}
      }

      statement {
        rate_based_statement {
          aggregate_key_type    = "FORWARDED_IP"
          evaluation_window_sec = 300
          limit                 = rule.value

          # The distribution's CloudFront function sets this header. X-Forwarded-For would not work,
          # since WAF would use the address in it that the caller wrote.
          forwarded_ip_config {
            fallback_behavior = "MATCH"
            header_name       = "x-viewer-address"
          }

          scope_down_statement {
            byte_match_statement {
              positional_constraint = "EXACTLY"
              search_string         = sensitive(terraform_data.word.output)

              field_to_match {
                single_header {
                  name = local.distribution_header_name
                }
              }

              text_transformation {
                priority = 0
                type     = "NONE"
              }
            }
          }
        }
      }

      visibility_config {
        cloudwatch_metrics_enabled = true
        metric_name                = "${var.name}-rate-of-console"
        sampled_requests_enabled   = false
      }
    }
  }

  dynamic "rule" {
    for_each = length(var.countries) == 0 ? [] : [var.countries]
    content {
      name     = "countries"
      priority = 2

      action {
        block {}
      }

      statement {
        not_statement {
          statement {
            or_statement {
              statement {
                geo_match_statement {
                  country_codes = rule.value
                }
              }

              statement {
                byte_match_statement {
                  positional_constraint = "EXACTLY"
                  search_string         = sensitive(terraform_data.word.output)

                  field_to_match {
                    single_header {
                      name = local.distribution_header_name
                    }
                  }

                  text_transformation {
                    priority = 0
                    type     = "NONE"
                  }
                }
              }
            }
          }
        }
      }

      visibility_config {
        cloudwatch_metrics_enabled = true
        metric_name                = "${var.name}-countries"
        sampled_requests_enabled   = false
      }
    }
  }

  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = var.name
    sampled_requests_enabled   = false
  }
}

# WAF requires that the group's name begins with "aws-waf-logs-".
resource "aws_cloudwatch_log_group" "this" {
  name              = "aws-waf-logs-${var.name}"
  kms_key_id        = var.kms_key_arn
  retention_in_days = var.log_retention_days
  tags              = var.tags
}

resource "aws_wafv2_web_acl_logging_configuration" "this" {
  log_destination_configs = [aws_cloudwatch_log_group.this.arn]
  resource_arn            = aws_wafv2_web_acl.this.arn

  # This log keeps only blocked and counted requests. The API's access log has the accepted ones.
  logging_filter {
    default_behavior = "DROP"

    filter {
      behavior    = "KEEP"
      requirement = "MEETS_ANY"

      condition {
        action_condition {
          action = "BLOCK"
        }
      }

      condition {
        action_condition {
          action = "COUNT"
        }
      }
    }
  }

  # The credentials of callers and of the console's distribution.
  redacted_fields {
    single_header {
      name = "authorization"
    }
  }

  redacted_fields {
    single_header {
      name = "x-api-key"
    }
  }

  redacted_fields {
    single_header {
      name = local.distribution_header_name
    }
  }

  redacted_fields {
    single_header {
      name = "x-amz-security-token"
    }
  }
}
