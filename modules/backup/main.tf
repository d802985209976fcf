locals {
  name = "${var.name}-${var.environment}"

  rules = merge(
    { daily = { days = var.daily_days, schedule = "cron(0 3 * * ? *)" } },
    var.monthly_days == null ? {} : { monthly = { days = var.monthly_days, schedule = "cron(0 5 1 * ? *)" } },
  )

  # A pattern instead of a list of ARNs (the unique names of resources in AWS): a role's inline
  # policies may have 10,240 characters in all, which is not enough for 40 tables. The permissions
  # boundary has the same pattern.
  table_arns = "arn:${var.scope.partition}:dynamodb:${var.scope.region}:${var.scope.account_id}:table/${var.name}-*-${var.environment}"
  # A backup is restored to a new table NAME-restored, or to the table's own name if the table is lost.
  restore_arns = [local.table_arns, "${local.table_arns}-restored"]
  backup_arns  = "${local.table_arns}/backup/*"

  # The roles are separate, so that the nightly backup cannot write items. AWS's managed policies
  # cover all services. Each role has only their actions for DynamoDB:
  # https://docs.aws.amazon.com/aws-backup/latest/devguide/security-iam-awsmanpol.html. There are two
  # kinds of backup, DynamoDB's own and AWS Backup's. The account's settings choose one, and these
  # actions cover both.
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

# The vault contains the backups, which AWS calls recovery points. AWS does not delete a vault that
# has any. Without deletion_protection, `terraform destroy` deletes them first.
resource "aws_backup_vault" "this" {
  name          = local.name
  force_destroy = !var.deletion_protection
  kms_key_arn   = var.kms_key_arn
  tags          = var.tags
}

# This policy applies to administrators too. Before they can delete recovery points, they have to
# apply deletion_protection = false. The backup plan still deletes expired recovery points.
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

# The trust policies need no condition on the account: AWS Backup accepts a role only from a user or
# role of the same account that has the permission iam:PassRole.
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

# This policy is separate, so that a plan that does not know the ARN of a new key yet still shows all
# permissions on tables.
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
      # DynamoDB uses the key for a restored table with a grant, which is a permission on this key. The
      # role has to create the grant.
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
