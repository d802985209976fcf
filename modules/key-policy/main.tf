# What the policy of a key has to allow, so that this system can use it. In a key's policy "*" is the key.
locals {
  name = "${var.name}-${var.environment}"
  arn  = "arn:${var.scope.partition}"
  here = "${var.scope.region}:${var.scope.account_id}"
  # A stage's execution log has the API's id in its name, which is not ours to choose.
  log_groups = [
    "/aws/apigateway/${local.name}", "/aws/lambda/${var.name}-*-${var.environment}", "/aws/vpc/${local.name}",
    "API-Gateway-Execution-Logs_*/${var.environment}", "aws-waf-logs-${local.name}"
  ]
  trail_arn = "${local.arn}:cloudtrail:${local.here}:trail/${coalesce(var.trail, "none")}"

  # DynamoDB, Lambda, S3, SQS and the others come in the name of the role that asks them. This lets the account's IAM policies decide
  # which roles may: those of the functions may use the key by way of DynamoDB, Lambda and SQS alone.
  account = {
    Sid       = "AccountUses"
    Effect    = "Allow"
    Principal = { AWS = "${local.arn}:iam::${var.scope.account_id}:root" }
    Action    = ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
    Resource  = "*"
  }

  # Services that come in nobody's name, each for what is ours alone.
  services = concat([
    {
      Sid       = "LogGroups"
      Effect    = "Allow"
      Principal = { Service = "logs.${var.scope.region}.${var.scope.dns_suffix}" }
      Action    = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
      Resource  = "*"
      Condition = { ArnLike = {
        "kms:EncryptionContext:aws:logs:arn" = [for group in local.log_groups : "${local.arn}:logs:${local.here}:log-group:${group}"]
      } }
    },
    ], [for statement in [
      {
        # To topics, which SNS encrypts in the name of whoever publishes: the alarms that notify, of our faults and of what callers do.
        Sid       = "Alarms"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
        Resource  = "*"
        Condition = {
          ArnEquals = { "aws:SourceArn" = [for alarm in ["", "/gateway/4xx"] :
            "${local.arn}:cloudwatch:${local.here}:alarm:${local.name}${alarm}"
          ] }
          StringEquals = { "aws:SourceAccount" = var.scope.account_id }
        }
      },
      ] : statement if var.alarms], [for statement in [
      {
        # To queues, in nobody's name. Which rules may send to a queue is up to the queue's policy.
        Sid       = "Events"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
        Resource  = "*"
        Condition = { StringEquals = { "aws:SourceAccount" = var.scope.account_id } }
      },
      ] : statement if var.events], [for statement in [
      {
        Sid       = "Trail"
        Effect    = "Allow"
        Principal = { Service = "cloudtrail.amazonaws.com" }
        Action    = "kms:GenerateDataKey*"
        Resource  = "*"
        Condition = { StringEquals = {
          "aws:SourceArn"                            = local.trail_arn
          "kms:EncryptionContext:aws:cloudtrail:arn" = local.trail_arn
        } }
      },
      {
        Sid       = "TrailLooks"
        Effect    = "Allow"
        Principal = { Service = "cloudtrail.amazonaws.com" }
        Action    = "kms:DescribeKey"
        Resource  = "*"
        Condition = { StringEquals = { "aws:SourceArn" = local.trail_arn } }
      },
  ] : statement if var.trail != null])
}
