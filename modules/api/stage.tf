resource "aws_api_gateway_stage" "this" {
  #checkov:skip=CKV_AWS_120:a cache costs about 15 dollars a month, and could give one caller's response to another
  #checkov:skip=CKV2_AWS_51:a client certificate is for HTTP integrations; API Gateway signs its calls of Lambda
  #checkov:skip=CKV2_AWS_29:a web application firewall costs from 5 dollars a month; keys, throttles and quotas limit callers without one
  deployment_id        = aws_api_gateway_deployment.this.id
  description          = var.description
  rest_api_id          = aws_api_gateway_rest_api.this.id
  stage_name           = var.stage
  tags                 = var.tags
  xray_tracing_enabled = true

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.access.arn
    format = jsonencode({
      apiKeyId           = "$context.identity.apiKeyId"
      error              = "$context.error.responseType"
      integrationLatency = "$context.integrationLatency"
      integrationStatus  = "$context.integration.status"
      ip                 = "$context.identity.sourceIp"
      lambdaRequestId    = "$context.integration.requestId"
      method             = "$context.httpMethod"
      path               = "$context.path"
      principal          = "$context.identity.userArn"
      protocol           = "$context.protocol"
      requestId          = "$context.requestId"
      requestTime        = "$context.requestTime"
      resource           = "$context.resourcePath"
      responseLatency    = "$context.responseLatency"
      responseLength     = "$context.responseLength"
      status             = "$context.status"
      user               = "$context.authorizer.claims.sub"
      userAgent          = "$context.identity.userAgent"
      waf                = "$context.wafResponseCode"
      xrayTraceId        = "$context.xrayTraceId"
    })
  }

  # Otherwise API Gateway creates this group, without a key and a retention.
  depends_on = [aws_cloudwatch_log_group.execution]
}

resource "aws_api_gateway_method_settings" "this" {
  #checkov:skip=CKV_AWS_225:a cache costs about 15 dollars a month, and could give one caller's response to another
  method_path = "*/*"
  rest_api_id = aws_api_gateway_rest_api.this.id
  stage_name  = aws_api_gateway_stage.this.stage_name

  settings {
    # Off, since it would log bodies, keys and tokens.
    data_trace_enabled     = false
    logging_level          = "ERROR"
    metrics_enabled        = true
    throttling_burst_limit = var.throttle.burst_limit
    throttling_rate_limit  = var.throttle.rate_limit
  }
}

resource "aws_cloudwatch_log_group" "access" {
  name              = "/aws/apigateway/${var.name}"
  kms_key_id        = var.kms_key_arn
  retention_in_days = var.log_retention_days
  tags              = var.tags
}

resource "aws_cloudwatch_log_group" "execution" {
  name              = "API-Gateway-Execution-Logs_${aws_api_gateway_rest_api.this.id}/${var.stage}"
  kms_key_id        = var.kms_key_arn
  retention_in_days = var.log_retention_days
  tags              = var.tags
}
