resource "aws_api_gateway_usage_plan" "this" {
  for_each = var.plans

  name        = "${var.name}-${each.key}-${var.environment}"
  description = "Usage plan ${each.key} of ${var.name}, ${var.environment}"

  api_stages {
    api_id = var.api_id
    stage  = var.stage
  }

  dynamic "quota_settings" {
    for_each = each.value.quota[*]
    content {
      limit  = quota_settings.value.limit
      period = quota_settings.value.period
    }
  }

  throttle_settings {
    burst_limit = each.value.burst_limit
    rate_limit  = each.value.rate_limit
  }
}

resource "aws_api_gateway_api_key" "this" {
  for_each = var.keys

  name        = "${var.name}-${each.key}-${var.environment}"
  description = "API key ${each.key} of ${var.name}, ${var.environment}"
  value       = lookup(var.key_values, each.key, null)
}

resource "aws_api_gateway_usage_plan_key" "this" {
  for_each = var.keys

  key_id        = aws_api_gateway_api_key.this[each.key].id
  key_type      = "API_KEY"
  usage_plan_id = aws_api_gateway_usage_plan.this[each.value].id
}
