locals {
  arn_prefix       = "arn:${var.scope.partition}:sqs:${var.scope.region}:${var.scope.account_id}"
  dead_letters_arn = "${local.arn_prefix}:${var.dead_letters}"

  # SQS refuses a redrive policy for a missing queue, so the name is a reference to the queue. The ARN is composed so that a plan shows it.
  redrive_policy = jsonencode({
    deadLetterTargetArn = "${local.arn_prefix}:${aws_sqs_queue.dead_letters.name}"
    maxReceiveCount     = var.attempts
  })

  # Fourteen days, the maximum of SQS. A moved message keeps the time at which it was first sent.
  dead_letters_retention = 14 * 24 * 3600

  policies = { for name in compact([var.name, var.dead_letters]) : name => jsonencode({
    Version = "2012-10-17"
    Statement = concat([{
      Sid       = "TlsOnly"
      Effect    = "Deny"
      Principal = "*"
      Action    = "sqs:*"
      Resource  = "${local.arn_prefix}:${name}"
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
      }], [for senders in [var.rule_arns] : {
      # EventBridge uses no role here. It also sends events here that it cannot deliver.
      Sid       = "Rules"
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = "${local.arn_prefix}:${name}"
      Condition = {
        ArnEquals    = { "aws:SourceArn" = senders }
        StringEquals = { "aws:SourceAccount" = var.scope.account_id }
      }
    } if length(senders) > 0])
  }) }
}

resource "aws_sqs_queue" "dead_letters" {
  name                              = var.dead_letters
  kms_data_key_reuse_period_seconds = 300
  kms_master_key_id                 = var.customer_key ? var.kms_key_arn : null
  message_retention_seconds         = local.dead_letters_retention
  policy                            = local.policies[var.dead_letters]
  sqs_managed_sse_enabled           = var.customer_key ? null : true
  tags                              = var.tags

  # Only the work queue may use it as its dead-letter queue; without a work queue, none may.
  redrive_allow_policy = (
    var.name == null ?
    jsonencode({ redrivePermission = "denyAll" }) :
    jsonencode({ redrivePermission = "byQueue", sourceQueueArns = ["${local.arn_prefix}:${coalesce(var.name, "none")}"] })
  )
}

resource "aws_sqs_queue" "work" {
  count = var.name == null ? 0 : 1

  name                              = var.name
  kms_data_key_reuse_period_seconds = 300
  kms_master_key_id                 = var.customer_key ? var.kms_key_arn : null
  message_retention_seconds         = var.retention
  policy                            = local.policies[var.name]
  redrive_policy                    = local.redrive_policy
  sqs_managed_sse_enabled           = var.customer_key ? null : true
  tags                              = var.tags
  visibility_timeout_seconds        = var.visibility_timeout
}
