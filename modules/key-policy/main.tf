# The statements that a key's policy needs for this system. In a key's policy, "*" is the key itself.
locals {
  name = "${var.name}-${var.environment}"
  arn  = "arn:${var.scope.partition}"
  here = "${var.scope.region}:${var.scope.account_id}"
  # The name of a stage's execution log contains the API's id, which AWS chooses.
  log_groups = [
    "/aws/apigateway/${local.name}", "/aws/lambda/${var.name}-*-${var.environment}", "/aws/vpc/${local.name}",
    "API-Gateway-Execution-Logs_*/${var.environment}", "aws-waf-logs-${local.name}"
  ]
  trail_arn = "${local.arn}:cloudtrail:${local.here}:trail/${coalesce(var.trail, "none")}"

  # DynamoDB, Lambda, S3, SQS and others use the key with the permissions of the calling role. This statement delegates to the account's IAM
  # policies, which allow functions' roles to use the key only through DynamoDB, Lambda and SQS.
  account = {
    Sid       = "AccountUses"
    Effect    = "Allow"
    Principal = { AWS = "${local.arn}:iam::${var.scope.account_id}:root" }
    Action    = ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
    Resource  = "*"
  }

  # Services that use the key with their own permissions, each only for this system's resources.
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
        # For topics, which SNS encrypts with the publisher's permissions: CloudWatch's for the alarms that notify.
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
        # For queues. Each queue's policy decides which rules may send to it.
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
