locals {
  issuer = "token.actions.githubusercontent.com"

  # "${var.name}-" begins the name of all that an environment makes.
  deployable = {
    alarms = "arn:${local.partition}:cloudwatch:${var.region}:${local.account}:alarm:${var.name}-*"
    apis = [for path in ["account", "apikeys", "apikeys/*", "restapis", "restapis/*", "tags/*", "usageplans", "usageplans/*"] :
      "arn:${local.partition}:apigateway:${var.region}::/${path}"
    ]
    dashboards = "arn:${local.partition}:cloudwatch::${local.account}:dashboard/${var.name}-*"
    firewalls  = "arn:${local.partition}:wafv2:${var.region}:${local.account}:regional/webacl/${var.name}-*/*"
    functions  = "arn:${local.partition}:lambda:${var.region}:${local.account}:function:${var.name}-*"
    log_groups = [for group in ["/aws/lambda/${var.name}-*", "/aws/apigateway/${var.name}-*", "/aws/vpc/${var.name}-*", "API-Gateway-Execution-Logs_*", "aws-waf-logs-${var.name}-*"] : "arn:${local.partition}:logs:${var.region}:${local.account}:log-group:${group}"]
    roles      = "arn:${local.partition}:iam::${local.account}:role/${var.name}-*"
    records    = "arn:${local.partition}:s3:::${var.name}-audit-*"
    tables     = "arn:${local.partition}:dynamodb:${var.region}:${local.account}:table/${var.name}-*"
    topics     = "arn:${local.partition}:sns:${var.region}:${local.account}:${var.name}-*"
    trails     = "arn:${local.partition}:cloudtrail:${var.region}:${local.account}:trail/${var.name}-*"
  }
  boundary  = "${var.name}-boundary-${var.region}"
  in_region = { StringEquals = { "aws:RequestedRegion" = var.region } }
  pools     = "arn:${local.partition}:cognito-idp:${var.region}:${local.account}:userpool/*"
  keys      = "arn:${local.partition}:kms:${var.region}:${local.account}:key/*"
  our_keys  = { StringEquals = { "aws:ResourceTag/Project" = var.name } }

  # The repository's environments, not its branches: who may deploy to which is then for GitHub's protection rules to say.
  # Whoever may push a branch runs code of his own in a pull request's plan, unreviewed.
  ci = var.repository == null ? {} : {
    deploy = { does = "Deploys", subjects = [for name in var.environments : "repo:${var.repository}:environment:${name}"] }
    plan   = { does = "Plans, reading alone,", subjects = ["repo:${var.repository}:pull_request"] }
  }
}

resource "aws_iam_openid_connect_provider" "github" {
  count = var.repository != null && var.oidc_provider_arn == null ? 1 : 0

  client_id_list = ["sts.amazonaws.com"]
  url            = "https://${local.issuer}"
}

# The path keeps them out of local.deployable.roles: what rules the account changes by hand.
resource "aws_iam_role" "ci" {
  for_each = local.ci

  name                 = "${var.name}-${each.key}-${var.region}"
  description          = "${each.value.does} ${var.name} from ${var.repository}"
  max_session_duration = 3600
  path                 = local.path

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Federated = coalesce(var.oidc_provider_arn, one(aws_iam_openid_connect_provider.github[*].arn)) }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = { StringEquals = {
        "${local.issuer}:aud" = "sts.amazonaws.com"
        "${local.issuer}:sub" = each.value.subjects
      } }
    }]
  })
}

# As narrow as names, tags and the boundary allow: whoever holds it rules what is named so, and nothing else of IAM or KMS.
# EC2 and API Gateway know no names: networks and APIs of others in the region are within its reach.
resource "aws_iam_role_policy" "deploy" {
  count = var.repository == null ? 0 : 1

  name = "deploy"
  role = aws_iam_role.ci["deploy"].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "FindState"
        Effect   = "Allow"
        Action   = "s3:ListBucket"
        Resource = "arn:${local.partition}:s3:::${local.bucket}"
      },
      {
        Sid      = "KeepState"
        Effect   = "Allow"
        Action   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
        Resource = "arn:${local.partition}:s3:::${local.bucket}/*"
      },
      {
        Sid      = "DeployApi"
        Effect   = "Allow"
        Action   = ["apigateway:DELETE", "apigateway:GET", "apigateway:PATCH", "apigateway:POST", "apigateway:PUT"]
        Resource = local.deployable.apis
      },
      {
        Sid      = "DeployFunctions"
        Effect   = "Allow"
        Action   = ["lambda:*Alias*", "lambda:*Function*", "lambda:*Permission", "lambda:*Tags", "lambda:GetPolicy", "lambda:ListVersionsByFunction", "lambda:PublishVersion", "lambda:TagResource", "lambda:UntagResource"]
        Resource = [local.deployable.functions, "${local.deployable.functions}:*"]
      },
      {
        Sid    = "DeployTables"
        Effect = "Allow"
        Action = [
          "dynamodb:CreateTable", "dynamodb:DeleteTable", "dynamodb:Describe*", "dynamodb:List*", "dynamodb:TagResource",
          "dynamodb:UntagResource", "dynamodb:UpdateContinuousBackups", "dynamodb:UpdateTable", "dynamodb:UpdateTimeToLive"
        ]
        Resource = [local.deployable.tables, "${local.deployable.tables}/index/*"]
      },
      {
        Sid    = "DeployRoles"
        Effect = "Allow"
        Action = [
          "iam:DeleteRole", "iam:DeleteRolePolicy", "iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListInstanceProfilesForRole",
          "iam:ListRolePolicies", "iam:ListRoleTags", "iam:TagRole", "iam:UntagRole", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole", "iam:UpdateRoleDescription"
        ]
        Resource = local.deployable.roles
      },
      {
        # Rights go to bounded roles alone, and there is no right to take a boundary away or to write its policy.
        Sid       = "GrantWithinBoundary"
        Effect    = "Allow"
        Action    = ["iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"]
        Resource  = local.deployable.roles
        Condition = { StringEquals = { "iam:PermissionsBoundary" = "arn:${local.partition}:iam::${local.account}:policy${local.path}${local.boundary}" } }
      },
      {
        # API Gateway's own role for X-Ray, which the first stage of an account makes, and WAF's for its logs.
        Sid       = "MakeServiceRoles"
        Effect    = "Allow"
        Action    = "iam:CreateServiceLinkedRole"
        Resource  = [for service in ["ops.apigateway", "wafv2"] : "arn:${local.partition}:iam::${local.account}:role/aws-service-role/${service}.amazonaws.com/*"]
        Condition = { StringEquals = { "iam:AWSServiceName" = ["ops.apigateway.amazonaws.com", "wafv2.amazonaws.com"] } }
      },
      {
        Sid       = "PassRoles"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = local.deployable.roles
        Condition = { StringEquals = { "iam:PassedToService" = ["lambda.amazonaws.com", "vpc-flow-logs.amazonaws.com"] } }
      },
      {
        # And to search them: a release is taken back for what its versions log.
        Sid      = "DeployLogGroups"
        Effect   = "Allow"
        Action   = ["logs:*Retention*", "logs:*KmsKey", "logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:FilterLogEvents", "logs:ListTags*", "logs:TagResource", "logs:UntagResource"]
        Resource = flatten([for group in local.deployable.log_groups : [group, "${group}:*"]])
      },
      {
        # Stages and flow logs deliver to log groups by way of these, which name no group.
        Sid       = "DeliverLogs"
        Effect    = "Allow"
        Action    = ["logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:Describe*", "logs:GetLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:UpdateLogDelivery"]
        Resource  = "*"
        Condition = local.in_region
      },
      {
        # A new key has no ARN yet; its tags are what IAM sees of it.
        Sid       = "MakeKeys"
        Effect    = "Allow"
        Action    = ["kms:CreateKey", "kms:TagResource"]
        Resource  = "*"
        Condition = { StringEquals = { "aws:RequestTag/Project" = var.name } }
      },
      {
        # A new key has no ARN yet when KMS asks whether it may be tagged: this meets the keys that exist, and of them all
        # but ours. Else a tag would be the way to anybody's key.
        Sid       = "ClaimNoKeys"
        Effect    = "Deny"
        Action    = "kms:TagResource"
        Resource  = local.keys
        Condition = { StringNotEquals = local.our_keys.StringEquals }
      },
      {
        Sid       = "KeepKeys"
        Effect    = "Allow"
        Action    = ["kms:CreateGrant", "kms:Decrypt", "kms:Describe*", "kms:EnableKeyRotation", "kms:Encrypt", "kms:GenerateDataKey*", "kms:Get*", "kms:List*", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource", "kms:Update*", "kms:CreateAlias", "kms:DeleteAlias"]
        Resource  = local.keys
        Condition = local.our_keys
      },
      {
        Sid      = "NameKeys"
        Effect   = "Allow"
        Action   = ["kms:CreateAlias", "kms:DeleteAlias", "kms:UpdateAlias"]
        Resource = "arn:${local.partition}:kms:${var.region}:${local.account}:alias/${var.name}-*"
      },
      {
        # None of these takes a resource.
        Sid       = "FindOthers"
        Effect    = "Allow"
        Action    = ["cloudtrail:DescribeTrails", "cognito-idp:DescribeUserPoolDomain", "kms:ListAliases"]
        Resource  = "*"
        Condition = local.in_region
      },
      {
        # A new pool has no ARN yet; its tags are what IAM sees of it.
        Sid       = "MakeUserPools"
        Effect    = "Allow"
        Action    = "cognito-idp:CreateUserPool"
        Resource  = "*"
        Condition = { StringEquals = { "aws:RequestTag/Project" = var.name } }
      },
      {
        # Pools, and no users: CI reads no addresses, and puts nobody into a group.
        Sid    = "KeepUserPools"
        Effect = "Allow"
        Action = [
          "cognito-idp:*ResourceServer", "cognito-idp:*UserPool", "cognito-idp:*UserPoolClient", "cognito-idp:*UserPoolDomain", "cognito-idp:*UserPoolMfaConfig",
          "cognito-idp:CreateGroup", "cognito-idp:DeleteGroup", "cognito-idp:GetGroup", "cognito-idp:ListTagsForResource", "cognito-idp:TagResource",
          "cognito-idp:UntagResource", "cognito-idp:UpdateGroup"
        ]
        Resource  = local.pools
        Condition = local.our_keys
      },
      {
        Sid      = "DeployFirewall"
        Effect   = "Allow"
        Action   = ["wafv2:*LoggingConfiguration", "wafv2:*WebACL", "wafv2:GetWebACLForResource", "wafv2:ListTagsForResource", "wafv2:TagResource", "wafv2:UntagResource"]
        Resource = [local.deployable.firewalls, "arn:${local.partition}:wafv2:${var.region}:*:regional/managedruleset/*/*", "arn:${local.partition}:apigateway:${var.region}::/restapis/*/stages/*"]
      },
      {
        Sid      = "StandBehindFirewall"
        Effect   = "Allow"
        Action   = "apigateway:SetWebACL"
        Resource = "arn:${local.partition}:apigateway:${var.region}::/restapis/*/stages/*"
      },
      {
        Sid      = "DeployTrail"
        Effect   = "Allow"
        Action   = ["cloudtrail:*EventSelectors", "cloudtrail:*Logging", "cloudtrail:*Tags", "cloudtrail:*Trail", "cloudtrail:GetTrailStatus"]
        Resource = local.deployable.trails
      },
      {
        # Their bucket, and no record: neither to read nor to delete. An administrator destroys what was audited.
        Sid      = "KeepRecords"
        Effect   = "Allow"
        Action   = ["s3:*BucketPolicy", "s3:CreateBucket", "s3:DeleteBucket", "s3:Get*Configuration", "s3:GetBucket*", "s3:ListBucket", "s3:PutBucket*", "s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration"]
        Resource = local.deployable.records
      },
      {
        Sid      = "DeployAlarms"
        Effect   = "Allow"
        Action   = ["cloudwatch:ListTagsForResource", "cloudwatch:PutMetricAlarm", "cloudwatch:TagResource", "cloudwatch:UntagResource"]
        Resource = local.deployable.alarms
      },
      {
        # Where composite alarms are among them, CloudWatch asks for the right to all. Saved queries and subscriptions have no names.
        Sid    = "DeployOthersThatWatch"
        Effect = "Allow"
        Action = [
          "cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms", "cloudwatch:PutCompositeAlarm", "logs:DeleteQueryDefinition", "logs:PutQueryDefinition",
          "sns:GetSubscriptionAttributes", "sns:Unsubscribe"
        ]
        Resource  = "*"
        Condition = local.in_region
      },
      {
        Sid      = "DeployDashboards"
        Effect   = "Allow"
        Action   = ["cloudwatch:DeleteDashboards", "cloudwatch:GetDashboard", "cloudwatch:PutDashboard"]
        Resource = local.deployable.dashboards
      },
      {
        # And no right to publish: alarms do.
        Sid      = "DeployTopics"
        Effect   = "Allow"
        Action   = ["sns:*TopicAttributes", "sns:CreateTopic", "sns:DeleteTopic", "sns:ListTagsForResource", "sns:Subscribe", "sns:TagResource", "sns:UntagResource"]
        Resource = local.deployable.topics
      },
      {
        # What is made has no ARN yet, and what describes takes none: the region is the bound.
        Sid    = "DeployNetwork"
        Effect = "Allow"
        Action = [
          "ec2:*Address*", "ec2:*FlowLogs", "ec2:*InternetGateway*", "ec2:*NatGateway*", "ec2:*NetworkAcl*", "ec2:*Route*", "ec2:*SecurityGroup*",
          "ec2:*Subnet*", "ec2:*Tags", "ec2:*Vpc", "ec2:*VpcAttribute", "ec2:*VpcEndpoint*", "ec2:*Vpcs", "ec2:Describe*"
        ]
        Resource  = "*"
        Condition = local.in_region
      },
    ]
  })
}
