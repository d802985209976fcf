# The most that any role of an environment may ever do, whatever policies CI gives it. Give its ARN to that environment as
# permissions_boundary: all that modules/backup, modules/function, modules/network and modules/service grant, and what function_statements
# adds for functions of your own. No other tables and queues, and no IAM.
resource "aws_iam_policy" "boundary" {
  for_each = local.boundary_names

  name        = each.value
  description = "Bounds the roles that CI makes for ${each.key} of ${var.name}"
  path        = local.path

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        Sid    = "UseItems"
        Effect = "Allow"
        Action = [
          "dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:ConditionCheckItem", "dynamodb:DeleteItem", "dynamodb:GetItem",
          "dynamodb:PutItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:UpdateItem"
        ]
        Resource = [local.resource_arns[each.key].tables, "${local.resource_arns[each.key].tables}/index/*"]
      },
      {
        # What AWS Backup does in a role's name. Tables come back beside those in use; DynamoDB's own copies go when they are due.
        Sid    = "BackUpAndRestore"
        Effect = "Allow"
        Action = [
          "dynamodb:BatchWriteItem", "dynamodb:CreateBackup", "dynamodb:DeleteBackup", "dynamodb:DeleteItem", "dynamodb:DescribeBackup",
          "dynamodb:DescribeTable",
          "dynamodb:GetItem", "dynamodb:ListTagsOfResource", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:RestoreTableFrom*",
          "dynamodb:Scan",
          "dynamodb:StartAwsBackupJob", "dynamodb:UpdateItem"
        ]
        Resource = [for what in ["", "-restored", "/backup/*"] : "${local.resource_arns[each.key].tables}${what}"]
      },
      {
        # What Lambda does in the role's name to hand changes over.
        Sid      = "ReadStreams"
        Effect   = "Allow"
        Action   = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"]
        Resource = "${local.resource_arns[each.key].tables}/stream/*"
      },
      {
        Sid    = "UseQueues"
        Effect = "Allow"
        Action = [
          "sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage"
        ]
        Resource = local.resource_arns[each.key].queues
      },
      {
        # A secret is ours by its tags. function_statements names others.
        Sid       = "ReadSecrets"
        Effect    = "Allow"
        Action    = "secretsmanager:GetSecretValue"
        Resource  = "arn:${local.partition}:secretsmanager:${var.region}:${local.account}:secret:*"
        Condition = local.resource_condition[each.key]
      },
      {
        Sid      = "WriteLogs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:DescribeLogGroups", "logs:DescribeLogStreams", "logs:PutLogEvents"]
        Resource = [for group in local.resource_arns[each.key].log_groups : "${group}:*"]
      },
      {
        # X-Ray has no resources to name.
        Sid       = "WriteTraces"
        Effect    = "Allow"
        Action    = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
        Resource  = "*"
        Condition = local.region_condition
      },
      {
        # Through DynamoDB, Lambda, Scheduler and SQS, and directly: our keys encrypt nothing that is not ours.
        Sid       = "Decrypt"
        Effect    = "Allow"
        Action    = "kms:Decrypt"
        Resource  = local.key_arns
        Condition = local.resource_condition[each.key]
      },
      {
        # To back tables up and to restore them.
        Sid      = "EncryptThroughDynamoDB"
        Effect   = "Allow"
        Action   = ["kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
        Resource = local.key_arns
        Condition = {
          StringEquals = merge(
            local.resource_condition[each.key].StringEquals,
            { "kms:ViaService" = "dynamodb.${var.region}.${data.aws_partition.current.dns_suffix}" },
          )
        }
      },
      {
        # To send messages, and to keep what a schedule sends.
        Sid      = "EncryptMessages"
        Effect   = "Allow"
        Action   = "kms:GenerateDataKey"
        Resource = local.key_arns
        Condition = {
          StringEquals = merge(
            local.resource_condition[each.key].StringEquals,
            { "kms:ViaService" = [for service in ["scheduler", "sqs"] :
              "${service}.${var.region}.${data.aws_partition.current.dns_suffix}"
            ] },
          )
        }
      },
      {
        Sid       = "GiveRestoredTablesTheKey"
        Effect    = "Allow"
        Action    = "kms:CreateGrant"
        Resource  = local.key_arns
        Condition = merge(local.resource_condition[each.key], { Bool = { "kms:GrantIsForAWSResource" = "true" } })
      },
      {
        # Lambda makes interfaces before they have an ARN.
        Sid    = "AttachToNetwork"
        Effect = "Allow"
        Action = [
          "ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces",
          "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs", "ec2:GetSecurityGroupsForVpc",
          "ec2:UnassignPrivateIpAddresses"
        ]
        Resource  = "*"
        Condition = local.region_condition
      },
      ], flatten([for arns in [sort(var.key_arns)] : [
        {
          # Others use these keys as well, so roles use them for what is theirs alone, by way of the services that keep it.
          Sid      = "UseExistingKeys"
          Effect   = "Allow"
          Action   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
          Resource = arns
          Condition = { StringEquals = { "kms:ViaService" = [for service in ["dynamodb", "lambda", "scheduler", "sqs"] :
            "${service}.${var.region}.${data.aws_partition.current.dns_suffix}"
          ] } }
        },
        {
          Sid       = "GiveRestoredTablesExistingKeys"
          Effect    = "Allow"
          Action    = "kms:CreateGrant"
          Resource  = arns
          Condition = { Bool = { "kms:GrantIsForAWSResource" = "true" } }
        },
      ] if length(arns) > 0]), [for n, statement in var.function_statements :
      { Sid = "Own${n}", Effect = "Allow", Action = sort(statement.actions), Resource = sort(statement.resources) }
    ])
  })
}
