# The maximum permissions of every role of an environment, whatever policies CI gives to the role.
# Set the policy's ARN as the environment's permissions_boundary. It contains everything that
# modules/backup, modules/function, modules/network and modules/service grant, and
# function_statements for your own functions. It allows no other tables and queues, and no IAM.
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
        # What AWS Backup does with a role. It restores tables beside those in use, and deletes
        # DynamoDB's own copies when they expire.
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
        # What Lambda does with the role to deliver changes.
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
        # Tags identify the environment's secrets. function_statements can name others.
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
        # X-Ray's actions do not apply to single resources.
        Sid       = "WriteTraces"
        Effect    = "Allow"
        Action    = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
        Resource  = "*"
        Condition = local.region_condition
      },
      {
        # Through DynamoDB, Lambda, Scheduler and SQS, and directly: the environment's keys encrypt
        # only its own data.
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
        # To send messages, and to store a schedule's input.
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
        # Lambda creates network interfaces, which have no ARN before.
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
          # Others use these keys as well, so roles may use them only through the services that
          # store the environment's data.
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
