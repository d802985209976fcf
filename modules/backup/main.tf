locals {
  name = "${var.name}-${var.environment}"

  rules = merge(
    { daily = { days = var.daily_days, schedule = "cron(0 3 * * ? *)" } },
    var.monthly_days == null ? {} : { monthly = { days = var.monthly_days, schedule = "cron(0 5 1 * ? *)" } },
  )

  # A pattern, as in the permissions boundary, since a role's inline policies are limited to 10,240 characters in all, which the ARNs of 40
  # tables exceed.
  table_arns = "arn:${var.scope.partition}:dynamodb:${var.scope.region}:${var.scope.account_id}:table/${var.name}-*-${var.environment}"
  # A table is restored beside the one in use, or under its own name if that one is lost.
  restore_arns = [local.table_arns, "${local.table_arns}-restored"]
  backup_arns  = "${local.table_arns}/backup/*"

  # Separate roles, so that the nightly backup cannot write items. Each has what AWS lists for
  # DynamoDB, in its managed policies for all services:
  # https://docs.aws.amazon.com/aws-backup/latest/devguide/security-iam-awsmanpol.html. This covers
  # both kinds of backup, DynamoDB's own and AWS Backup's, between which the account's settings
  # choose.
  roles = {
    backup = {
      description = "Backs up the tables of ${local.name}"
      statements = [
        {
          Sid      = "CopyTables"
          Effect   = "Allow"
          Action   = ["dynamodb:CreateBackup", "dynamodb:DescribeTable", "dynamodb:ListTagsOfResource", "dynamodb:StartAwsBackupJob"]
          Resource = local.table_arns
        },
        {
          # Expired recovery points are deleted with the permissions of the role that created them.
          Sid      = "KeepCopies"
          Effect   = "Allow"
          Action   = ["dynamodb:DeleteBackup", "dynamodb:DescribeBackup"]
          Resource = local.backup_arns
        },
      ]
      key = ["kms:Decrypt", "kms:GenerateDataKey"]
    }
    restore = {
      description = "Restores tables of ${local.name} from the backup vault"
      statements = [
        {
          Sid    = "FillTables"
          Effect = "Allow"
          Action = [
            "dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:DescribeTable", "dynamodb:GetItem", "dynamodb:PutItem",
            "dynamodb:Query",
            "dynamodb:RestoreTableFromAwsBackup", "dynamodb:RestoreTableFromBackup", "dynamodb:Scan", "dynamodb:UpdateItem"
          ]
          Resource = local.restore_arns
        },
        {
          Sid      = "ReadCopies"
          Effect   = "Allow"
          Action   = "dynamodb:RestoreTableFromBackup"
          Resource = local.backup_arns
        },
      ]
      key = [
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:Encrypt",
        "kms:GenerateDataKey",
        "kms:GenerateDataKeyWithoutPlaintext",
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo"
      ]
    }
  }
}

# A vault with recovery points cannot be deleted. Without protection, a destroy deletes them first.
resource "aws_backup_vault" "this" {
  name          = local.name
  force_destroy = !var.deletion_protection
  kms_key_arn   = var.kms_key_arn
  tags          = var.tags
}

# Also for administrators, who have to apply false first. The backup plan still deletes expired recovery points.
resource "aws_backup_vault_policy" "this" {
  count = var.deletion_protection ? 1 : 0

  backup_vault_name = aws_backup_vault.this.name

  policy = jsonencode({
    Version = "2012-10-17"
    # In a vault's policy, "*" is the vault and its recovery points.
    Statement = [{
      Sid       = "NobodyDeletes"
      Effect    = "Deny"
      Principal = "*"
      Action    = ["backup:DeleteBackupVault", "backup:DeleteRecoveryPoint", "backup:UpdateRecoveryPointLifecycle"]
      Resource  = "*"
    }]
  })
}

# AWS Backup accepts a role only from principals of its account that may pass it, so that no other account can use it.
resource "aws_iam_role" "this" {
  for_each = local.roles

  name                 = "${var.name}-${each.key}-${var.environment}-${var.scope.region}"
  description          = each.value.description
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "backup.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })

  # Older resources, whose names do not contain the region, keep their names.
  lifecycle {
    ignore_changes = [name]
  }
}

resource "aws_iam_role_policy" "tables" {
  for_each = local.roles

  name   = "tables"
  role   = aws_iam_role.this[each.key].id
  policy = jsonencode({ Version = "2012-10-17", Statement = each.value.statements })
}

# Separate from the permissions on tables, so that a plan shows those completely although it does not know a new key's ARN.
resource "aws_iam_role_policy" "key" {
  for_each = local.roles

  name = "key"
  role = aws_iam_role.this[each.key].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid       = "UseKeyThroughDynamoDB"
        Effect    = "Allow"
        Action    = each.value.key
        Resource  = var.kms_key_arn
        Condition = { StringEquals = { "kms:ViaService" = "dynamodb.${var.scope.region}.${var.scope.dns_suffix}" } }
      }],
      # A restored table uses the key through its own grant.
      [for sid in ["GiveRestoredTablesTheKey"] : {
        Sid       = sid
        Effect    = "Allow"
        Action    = "kms:CreateGrant"
        Resource  = var.kms_key_arn
        Condition = { Bool = { "kms:GrantIsForAWSResource" = "true" } }
      } if each.key == "restore"],
    )
  })
}

# Times are in UTC. AWS starts the backup within the eight hours that follow.
resource "aws_backup_plan" "this" {
  name = local.name
  tags = var.tags

  dynamic "rule" {
    for_each = local.rules
    content {
      rule_name         = rule.key
      schedule          = rule.value.schedule
      target_vault_name = aws_backup_vault.this.name

      lifecycle {
        delete_after = rule.value.days
      }
    }
  }
}

resource "aws_backup_selection" "this" {
  name         = "tables"
  iam_role_arn = aws_iam_role.this["backup"].arn
  plan_id      = aws_backup_plan.this.id
  resources    = var.table_arns

  # The first backup needs these permissions.
  depends_on = [aws_iam_role_policy.key, aws_iam_role_policy.tables]
}
