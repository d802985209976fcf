locals {
  name = "${var.name}-${var.environment}"
  # A stage's execution log has the API's id in its name, which is not ours to choose.
  log_groups = [
    "/aws/apigateway/${local.name}", "/aws/lambda/${var.name}-*-${var.environment}", "/aws/vpc/${local.name}",
    "API-Gateway-Execution-Logs_*/${var.environment}", "aws-waf-logs-${local.name}"
  ]
  trail_arn = "arn:${var.scope.partition}:cloudtrail:${var.scope.region}:${var.scope.account_id}:trail/${coalesce(var.trail, "none")}"
}

resource "aws_kms_key" "this" {
  description             = "What ${local.name} stores and logs"
  deletion_window_in_days = var.deletion_window_in_days
  enable_key_rotation     = true
  tags                    = var.tags

  policy = jsonencode({
    Version = "2012-10-17"
    # Services that come in nobody's name, each for what is ours alone. DynamoDB, Lambda and S3 come in the name of the role that
    # asks them, which IAM allows it by way of that service. In a key's policy "*" is the key.
    Statement = concat([
      {
        # Without this the key obeys nobody, not even the account's administrator; who may use it is up to IAM.
        Sid       = "AccountAdministers"
        Effect    = "Allow"
        Principal = { AWS = "arn:${var.scope.partition}:iam::${var.scope.account_id}:root" }
        Action    = "kms:*"
        Resource  = "*"
      },
      {
        Sid       = "LogGroups"
        Effect    = "Allow"
        Principal = { Service = "logs.${var.scope.region}.${var.scope.dns_suffix}" }
        Action    = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
        Resource  = "*"
        Condition = { ArnLike = {
          "kms:EncryptionContext:aws:logs:arn" = [for group in local.log_groups :
            "arn:${var.scope.partition}:logs:${var.scope.region}:${var.scope.account_id}:log-group:${group}"
          ]
        } }
      },
      {
        # To topics, which SNS encrypts in the name of whoever publishes: the alarms that tell, of what is ours and of what callers do.
        Sid       = "Alarms"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
        Resource  = "*"
        Condition = {
          ArnEquals = { "aws:SourceArn" = [for alarm in ["", "/gateway/4xx"] :
            "arn:${var.scope.partition}:cloudwatch:${var.scope.region}:${var.scope.account_id}:alarm:${local.name}${alarm}"
          ] }
          StringEquals = { "aws:SourceAccount" = var.scope.account_id }
        }
      },
      ], [for statement in [
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
  })
}

resource "aws_kms_alias" "this" {
  name          = "alias/${local.name}"
  target_key_id = aws_kms_key.this.key_id
}
