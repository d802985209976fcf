# Permissions to refresh resources and to read the state. The state contains the API keys' values,
# which the code of a pull request can read. To prevent this, do not set AWS_PLAN_ROLE_ARN: pull
# requests then get no plans.
resource "aws_iam_role_policy" "plan" {
  count = var.repository == null ? 0 : 1

  name = "plan"
  role = aws_iam_role.ci["plan"].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        Sid      = "FindState"
        Effect   = "Allow"
        Action   = "s3:ListBucket"
        Resource = "arn:${local.partition}:s3:::${local.state_bucket}"
      },
      {
        Sid      = "ReadState"
        Effect   = "Allow"
        Action   = "s3:GetObject"
        Resource = "arn:${local.partition}:s3:::${local.state_bucket}/*"
      },
      {
        Sid      = "ReadApi"
        Effect   = "Allow"
        Action   = "apigateway:GET"
        Resource = local.resource_arns["*"].apis
      },
      {
        Sid      = "ReadFunctions"
        Effect   = "Allow"
        Action   = ["lambda:Get*", "lambda:List*"]
        Resource = [local.resource_arns["*"].functions, "${local.resource_arns["*"].functions}:*"]
      },
      {
        Sid       = "ReadEventSourceMappings"
        Effect    = "Allow"
        Action    = "lambda:GetEventSourceMapping"
        Resource  = local.mapping_arns
        Condition = local.mapping_condition["*"]
      },
      {
        Sid       = "ReadTagsOfEventSourceMappings"
        Effect    = "Allow"
        Action    = "lambda:ListTags"
        Resource  = local.mapping_arns
        Condition = local.project_key_condition
      },
      {
        # But not messages.
        Sid    = "ReadWhatTriggers"
        Effect = "Allow"
        Action = [
          "events:DescribeRule", "events:ListTagsForResource", "events:ListTargetsByRule",
          "scheduler:GetSchedule", "scheduler:GetScheduleGroup", "scheduler:ListTagsForResource",
          "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ListQueueTags"
        ]
        Resource = flatten([local.resource_arns["*"].queues, local.resource_arns["*"].rules, local.resource_arns["*"].schedules])
      },
      {
        # Indexes as well, but not items, which need Get, Query and Scan.
        Sid      = "ReadTables"
        Effect   = "Allow"
        Action   = ["dynamodb:Describe*", "dynamodb:ListTagsOfResource"]
        Resource = [local.resource_arns["*"].tables, "${local.resource_arns["*"].tables}/index/*"]
      },
      {
        Sid      = "ReadRoles"
        Effect   = "Allow"
        Action   = ["iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies", "iam:ListRoleTags"]
        Resource = local.resource_arns["*"].roles
      },
      {
        Sid      = "ReadLogGroups"
        Effect   = "Allow"
        Action   = "logs:ListTags*"
        Resource = flatten([for group in local.resource_arns["*"].log_groups : [group, "${group}:*"]])
      },
      {
        Sid       = "ReadKeys"
        Effect    = "Allow"
        Action    = ["kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListResourceTags"]
        Resource  = local.key_arns
        Condition = local.project_key_condition
      },
      {
        # Lambda shows a function's environment variables only to callers who may decrypt them. The
        # same applies to Scheduler and a schedule's input.
        Sid      = "ReadSettings"
        Effect   = "Allow"
        Action   = "kms:Decrypt"
        Resource = local.key_arns
        Condition = { StringEquals = merge(local.project_key_condition.StringEquals, {
          "kms:ViaService" = [for service in ["lambda", "scheduler"] :
            "${service}.${var.region}.${data.aws_partition.current.dns_suffix}"
          ]
        }) }
      },
      {
        # No users. The description of a machine client contains its secret, which is in the state
        # as well.
        Sid    = "ReadUserPools"
        Effect = "Allow"
        Action = [
          "cognito-idp:DescribeResourceServer",
          "cognito-idp:DescribeUserPool",
          "cognito-idp:DescribeUserPoolClient",
          "cognito-idp:GetGroup",
          "cognito-idp:GetUserPoolMfaConfig",
          "cognito-idp:ListTagsForResource"
        ]
        Resource  = local.user_pool_arns
        Condition = local.project_key_condition
      },
      {
        Sid    = "ReadFirewall"
        Effect = "Allow"
        # Without the sampled requests, which could contain callers' keys and tokens.
        Action   = ["wafv2:GetLoggingConfiguration", "wafv2:GetWebACL", "wafv2:GetWebACLForResource", "wafv2:ListTagsForResource"]
        Resource = [local.resource_arns["*"].firewalls, local.resource_arns["*"].stages]
      },
      {
        Sid      = "ReadTrail"
        Effect   = "Allow"
        Action   = ["cloudtrail:Get*", "cloudtrail:ListTags"]
        Resource = local.resource_arns["*"].trails
      },
      {
        # The bucket, not its objects.
        Sid      = "ReadBucket"
        Effect   = "Allow"
        Action   = ["s3:Get*Configuration", "s3:GetBucket*", "s3:ListBucket"]
        Resource = local.resource_arns["*"].records
      },
      {
        # Even if another policy grants it.
        Sid      = "TouchNoRecords"
        Effect   = "Deny"
        Action   = "s3:*"
        Resource = [for bucket in local.resource_arns["*"].records : "${bucket}/*"]
      },
      {
        Sid      = "ReadVaults"
        Effect   = "Allow"
        Action   = ["backup:DescribeBackupVault", "backup:GetBackupVaultAccessPolicy", "backup:ListTags"]
        Resource = local.resource_arns["*"].backups
      },
      {
        Sid       = "ReadBackupPlans"
        Effect    = "Allow"
        Action    = ["backup:GetBackupPlan", "backup:GetBackupSelection", "backup:ListTags"]
        Resource  = local.backup_plan_arns
        Condition = local.project_key_condition
      },
      {
        Sid      = "ReadWhatWatches"
        Effect   = "Allow"
        Action   = ["cloudwatch:GetDashboard", "cloudwatch:ListTagsForResource", "sns:GetTopicAttributes", "sns:ListTagsForResource"]
        Resource = flatten([local.resource_arns["*"].alarms, local.resource_arns["*"].dashboards, local.resource_arns["*"].topics])
      },
      {
        Sid      = "ReadBudgets"
        Effect   = "Allow"
        Action   = ["budgets:ListTagsForResource", "budgets:ViewBudget"]
        Resource = local.resource_arns["*"].budgets
      },
      {
        # The page is public.
        Sid      = "ReadPage"
        Effect   = "Allow"
        Action   = ["s3:Get*Configuration", "s3:GetBucket*", "s3:GetObject", "s3:GetObjectTagging", "s3:ListBucket"]
        Resource = flatten([for bucket in local.resource_arns["*"].pages : [bucket, "${bucket}/*"]])
      },
      {
        Sid      = "ReadDistributions"
        Effect   = "Allow"
        Action   = ["cloudfront:DescribeFunction", "cloudfront:Get*", "cloudfront:ListTagsForResource"]
        Resource = flatten([local.distribution_arns, local.resource_arns["*"].mounts, local.cloudfront_arns])
      },
      {
        # None of these applies to single resources. CloudWatch requires permission for all alarms
        # to describe composite ones.
        Sid    = "FindOthers"
        Effect = "Allow"
        Action = [
          "cloudtrail:DescribeTrails", "cloudwatch:DescribeAlarms", "cognito-idp:DescribeUserPoolDomain", "ec2:Describe*",
          "kms:ListAliases",
          "logs:DescribeLogGroups", "logs:DescribeQueryDefinitions", "sns:GetSubscriptionAttributes"
        ]
        Resource  = "*"
        Condition = local.region_condition
      },
      ], [for arns in [sort(var.key_arns)] : {
        # The same for existing keys, which do not have the system's tags.
        Sid      = "ReadSettingsUnderExistingKeys"
        Effect   = "Allow"
        Action   = "kms:Decrypt"
        Resource = arns
        Condition = { StringEquals = { "kms:ViaService" = [for service in ["lambda", "scheduler"] :
          "${service}.${var.region}.${data.aws_partition.current.dns_suffix}"
        ] } }
      } if length(arns) > 0
      ], [for statement in [
        {
          Sid      = "ReadDomains"
          Effect   = "Allow"
          Action   = "apigateway:GET"
          Resource = flatten(values(local.domain_arns))
        },
        ] : statement if length(var.domains) > 0], [for statement in [
        {
          Sid       = "ReadCertificates"
          Effect    = "Allow"
          Action    = ["acm:DescribeCertificate", "acm:ListTagsForCertificate"]
          Resource  = local.certificate_arns
          Condition = local.project_key_condition
        },
        {
          Sid    = "ReadRecords"
          Effect = "Allow"
          Action = ["route53:GetHostedZone", "route53:ListResourceRecordSets"]
          Resource = distinct([for d in values(local.zoned_domains) :
            "arn:${local.partition}:route53:::hostedzone/${d.zone_id}"
          ])
        },
    ] : statement if length(local.zoned_domains) > 0])
  })
}
