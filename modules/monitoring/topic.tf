locals {
  creates_topic     = try(var.alarms.topic_arn == null, false)
  created_topic_arn = "arn:${var.scope.partition}:sns:${var.scope.region}:${var.scope.account_id}:${var.topic}"

  alarm_condition = {
    ArnEquals    = { "aws:SourceArn" = [for alarm in ["", "/gateway/4xx"] : "${local.alarm_arn_prefix}${var.name}${alarm}"] }
    StringEquals = { "aws:SourceAccount" = var.scope.account_id }
  }
  publish_statement = {
    Sid       = "AlarmsPublish"
    Effect    = "Allow"
    Principal = { Service = "cloudwatch.amazonaws.com" }
    Action    = "sns:Publish"
    Resource  = local.topic_arn
    Condition = local.alarm_condition
  }
  # In a key's policy, "*" is the key.
  encrypt_statement = {
    Sid       = "AlarmsEncrypt"
    Effect    = "Allow"
    Principal = { Service = "cloudwatch.amazonaws.com" }
    Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
    Resource  = "*"
    Condition = local.alarm_condition
  }
}

resource "aws_sns_topic" "this" {
  # Terraform shows the next line if a plan does not know whether the ARN is null.
  count = local.creates_topic ? 1 : 0 # If the same apply creates the topic, write topic_arn = coalesce(aws_sns_topic.NAME.arn).

  name              = var.topic
  kms_master_key_id = var.kms_key_arn
  tags              = var.tags
}

resource "aws_sns_topic_policy" "this" {
  count = local.creates_topic ? 1 : 0

  arn = aws_sns_topic.this[0].arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      local.publish_statement,
      {
        Sid       = "TlsOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sns:Publish"
        Resource  = local.created_topic_arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

# Each address gets a mail with a link, and no notifications before the recipient confirms by it.
resource "aws_sns_topic_subscription" "email" {
  for_each = toset([for address in try(var.alarms.emails, []) : address if local.creates_topic])

  endpoint  = each.value
  protocol  = "email"
  topic_arn = aws_sns_topic.this[0].arn
}
