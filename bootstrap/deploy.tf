locals {
  oidc_issuer = "token.actions.githubusercontent.com"

  # Each environment has a role and a boundary, so a job in one environment cannot reach another.
  environments = var.repository == null ? [] : var.environments

  # The resources of each environment: their names begin with NAME and end with the environment. "*"
  # is for all environments.
  resource_arns = { for environment in setunion(var.environments, ["*"]) : environment => {
    alarms = [for alarm in ["", "/*"] :
      "arn:${local.partition}:cloudwatch:${var.region}:${local.account}:alarm:${var.name}-${environment}${alarm}"
    ]
    apis = [for path in ["account", "apikeys", "apikeys/*", "restapis", "restapis/*", "tags/*", "usageplans", "usageplans/*"] :
      "arn:${local.partition}:apigateway:${var.region}::/${path}"
    ]
    backups = "arn:${local.partition}:backup:${var.region}:${local.account}:backup-vault:${var.name}-${environment}"
    # Budgets are global, so the name contains the region.
    budgets = "arn:${local.partition}:budgets::${local.account}:budget/${var.name}-${environment}-${var.region}"
    dashboards = [for place in ["", "-${var.region}", "-${var.region}-*"] :
      "arn:${local.partition}:cloudwatch::${local.account}:dashboard/${var.name}-${environment}${place}"
    ]
    firewalls = "arn:${local.partition}:wafv2:${var.region}:${local.account}:regional/webacl/${var.name}-${environment}/*"
    functions = "arn:${local.partition}:lambda:${var.region}:${local.account}:function:${var.name}-*-${environment}"
    log_groups = [for group in [
      "/aws/lambda/${var.name}-*-${environment}", "/aws/apigateway/${var.name}-${environment}", "/aws/vpc/${var.name}-${environment}",
      "API-Gateway-Execution-Logs_*/${environment}", "aws-waf-logs-${var.name}-${environment}"
    ] : "arn:${local.partition}:logs:${var.region}:${local.account}:log-group:${group}"]
    # Names that are unique across regions contain the region, except those of older resources.
    mounts = [for place in ["", "-${var.region}"] :
      "arn:${local.partition}:cloudfront::${local.account}:function/${var.name}-website-${environment}${place}"
    ]
    pages  = [for place in local.bucket_suffixes : "arn:${local.partition}:s3:::${var.name}-website-${environment}-${place}"]
    queues = "arn:${local.partition}:sqs:${var.region}:${local.account}:${var.name}-*-${environment}"
    roles = [for role in ["*-${environment}", "${environment}-flow-logs", "*-${environment}-${var.region}"] :
      "arn:${local.partition}:iam::${local.account}:role/${var.name}-${role}"
    ]
    rules = [for bus in ["", "*/"] :
      "arn:${local.partition}:events:${var.region}:${local.account}:rule/${bus}${var.name}-*-${environment}"
    ]
    schedules = [for place in ["schedule/${var.name}-${environment}/*", "schedule-group/${var.name}-${environment}"] :
      "arn:${local.partition}:scheduler:${var.region}:${local.account}:${place}"
    ]
    records = [for place in local.bucket_suffixes : "arn:${local.partition}:s3:::${var.name}-audit-${environment}-${place}"]
    stages  = "arn:${local.partition}:apigateway:${var.region}::/restapis/*/stages/${environment}"
    # The backend file sets the first part of the state's key.
    states = [for file in ["tfstate", "tfstate.tflock"] : "arn:${local.partition}:s3:::${local.state_bucket}/*/${environment}.${file}"]
    tables = "arn:${local.partition}:dynamodb:${var.region}:${local.account}:table/${var.name}-*-${environment}"
    topics = "arn:${local.partition}:sns:${var.region}:${local.account}:${var.name}-*-${environment}"
    trails = "arn:${local.partition}:cloudtrail:${var.region}:${local.account}:trail/${var.name}-*-${environment}"
  } }
  # The ends of buckets' names: of older ones, of newer ones, and of names that would exceed S3's 63
  # characters.
  bucket_suffixes = [local.account, "${local.account}-${var.region}", substr(sha256("${local.account}-${var.region}"), 0, 12)]
  boundary_names  = { for environment in local.environments : environment => "${var.name}-boundary-${environment}-${var.region}" }
  # ARNs of backup plans do not contain names: tags identify the plans' environment.
  backup_plan_arns = "arn:${local.partition}:backup:${var.region}:${local.account}:backup-plan:*"
  # ARNs of event source mappings do not either: the function that they invoke and their tags
  # identify their environment.
  mapping_arns = "arn:${local.partition}:lambda:${var.region}:${local.account}:event-source-mapping:*"
  mapping_condition = { for environment, arns in local.resource_arns :
    environment => { ArnLike = { "lambda:FunctionArn" = [arns.functions, "${arns.functions}:*"] } }
  }
  # ARNs of distributions do not either. CloudFront's other resources also have no tags.
  distribution_arns = "arn:${local.partition}:cloudfront::${local.account}:distribution/*"
  cloudfront_arns = [for kind in ["origin-access-control", "response-headers-policy"] :
    "arn:${local.partition}:cloudfront::${local.account}:${kind}/*"
  ]
  # The resources for a domain. ARNs of certificates do not contain names either.
  certificate_arns = "arn:${local.partition}:acm:${var.region}:${local.account}:certificate/*"
  domain_arns = { for environment, d in var.domains : environment => [for path in ["", "/*"] :
    "arn:${local.partition}:apigateway:${var.region}::/domainnames/${d.name}${path}"
  ] }
  zoned_domains = { for environment, d in var.domains : environment => d if d.zone_id != null }

  services_with_roles = ["backup", "email.cognito-idp", "ops.apigateway", "wafv2"]
  region_condition    = { StringEquals = { "aws:RequestedRegion" = var.region } }
  key_arns            = "arn:${local.partition}:kms:${var.region}:${local.account}:key/*"
  # In any account, because a VPC may be shared.
  vpc_arns       = [for id in sort(var.vpc_ids) : "arn:${local.partition}:ec2:${var.region}:*:vpc/${id}"]
  user_pool_arns = "arn:${local.partition}:cognito-idp:${var.region}:${local.account}:userpool/*"

  # ARNs of keys and user pools do not contain names: tags identify their environment.
  project_key_condition = { StringEquals = { "aws:ResourceTag/Project" = var.name } }
  resource_condition = { for environment in local.environments :
    environment => { StringEquals = { "aws:ResourceTag/Environment" = environment, "aws:ResourceTag/Project" = var.name } }
  }
  request_condition = { for environment in local.environments :
    environment => { StringEquals = { "aws:RequestTag/Environment" = environment, "aws:RequestTag/Project" = var.name } }
  }

  # The subjects are GitHub environments, not branches: GitHub's protection rules define which
  # branches may deploy to an environment, and an environment without rules accepts every branch.
  # Anyone who may push a branch can run unreviewed code in a pull request's plan.
  ci_roles = var.repository == null ? {} : merge(
    { for environment in local.environments :
      "deploy-${environment}" => { summary = "Deploys ${environment} of", subject = "repo:${var.repository}:environment:${environment}" }
    },
    { plan = { summary = "Plans, read only,", subject = "repo:${var.repository}:pull_request" } },
  )
}

resource "aws_iam_openid_connect_provider" "github" {
  count = var.repository != null && var.oidc_provider_arn == null ? 1 : 0

  client_id_list = ["sts.amazonaws.com"]
  url            = "https://${local.oidc_issuer}"
}

# The path separates these roles from those that environments create, so that CI cannot change them.
resource "aws_iam_role" "ci" {
  for_each = local.ci_roles

  name                 = "${var.name}-${each.key}-${var.region}"
  description          = "${each.value.summary} ${var.name} from ${var.repository}"
  max_session_duration = 3600
  path                 = local.path

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Federated = coalesce(var.oidc_provider_arn, one(aws_iam_openid_connect_provider.github[*].arn)) }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = { StringEquals = {
        "${local.oidc_issuer}:aud" = "sts.amazonaws.com"
        "${local.oidc_issuer}:sub" = each.value.subject
      } }
    }]
  })
}

# As narrow as names, tags and the boundary allow. In IAM and KMS, the role can change only
# resources that belong to its environment by name or tag. EC2 and API Gateway do not support names:
# the role cannot change resources that are tagged with another environment, but it can change those
# in the region without such a tag.
resource "aws_iam_role_policy" "deploy" {
  for_each = local.environments

  name = "deploy"
  role = aws_iam_role.ci["deploy-${each.key}"].id

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
        Sid      = "KeepState"
        Effect   = "Allow"
        Action   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
        Resource = local.resource_arns[each.key].states
      },
      merge({
        # By the tag Environment, which an API's stages, methods and other parts inherit from the
        # API. The condition applies only to resources with the tag, since new ones do not have it
        # yet. Existing VPCs have their own rule below.
        Sid       = "LeaveOthersAlone"
        Effect    = "Deny"
        Action    = ["apigateway:*", "backup:*", "cloudwatch:DeleteAlarms", "cloudwatch:PutCompositeAlarm", "ec2:*"]
        Condition = { Null = { "aws:ResourceTag/Environment" = "false" }, StringNotEquals = { "aws:ResourceTag/Environment" = each.key } }
      }, jsondecode(length(local.vpc_arns) == 0 ? jsonencode({ Resource = "*" }) : jsonencode({ NotResource = local.vpc_arns }))),
      {
        Sid      = "DeployApi"
        Effect   = "Allow"
        Action   = ["apigateway:DELETE", "apigateway:GET", "apigateway:PATCH", "apigateway:POST", "apigateway:PUT"]
        Resource = local.resource_arns[each.key].apis
      },
      {
        # API Gateway requires this in addition to the permission to change the API.
        Sid      = "KeepApiPrivate"
        Effect   = "Allow"
        Action   = "apigateway:UpdateRestApiPolicy"
        Resource = [for path in ["restapis", "restapis/*"] : "arn:${local.partition}:apigateway:${var.region}::/${path}"]
      },
      {
        Sid    = "DeployFunctions"
        Effect = "Allow"
        # Without permission to invoke a function or to give it a URL, which would bypass the
        # gateway, or to remove its code signing configuration.
        Action = [
          "lambda:*Alias", "lambda:*FunctionConcurrency", "lambda:*Permission", "lambda:CreateFunction", "lambda:DeleteFunction",
          "lambda:GetFunction",
          "lambda:GetFunctionCodeSigningConfig", "lambda:GetFunctionConfiguration", "lambda:GetPolicy", "lambda:ListAliases",
          "lambda:ListTags",
          "lambda:ListVersionsByFunction", "lambda:PublishVersion", "lambda:PutFunctionCodeSigningConfig", "lambda:TagResource",
          "lambda:UntagResource",
          "lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration"
        ]
        Resource = [local.resource_arns[each.key].functions, "${local.resource_arns[each.key].functions}:*"]
      },
      {
        # Only to attach one. The security team creates and changes code signing configurations.
        Sid      = "NameCodeSigning"
        Effect   = "Allow"
        Action   = "lambda:PutFunctionCodeSigningConfig"
        Resource = "arn:${local.partition}:lambda:${var.region}:${local.account}:code-signing-config:*"
      },
      {
        Sid      = "OpenNoOtherWay"
        Effect   = "Deny"
        Action   = ["lambda:*FunctionUrlConfig", "lambda:Invoke*"]
        Resource = "*"
      },
      {
        Sid    = "DeployTables"
        Effect = "Allow"
        Action = [
          "dynamodb:CreateTable", "dynamodb:DeleteTable", "dynamodb:Describe*", "dynamodb:List*", "dynamodb:TagResource",
          "dynamodb:UntagResource", "dynamodb:UpdateContinuousBackups", "dynamodb:UpdateTable", "dynamodb:UpdateTimeToLive"
        ]
        Resource = [local.resource_arns[each.key].tables, "${local.resource_arns[each.key].tables}/index/*"]
      },
      {
        # IAM does not check the boundary when a trust policy changes, nor in PassRoles below. CI
        # can therefore take over a role without a boundary whose name is NAME-*-ENVIRONMENT or
        # NAME-*-ENVIRONMENT-REGION. Do not create such a role yourself.
        Sid    = "DeployRoles"
        Effect = "Allow"
        Action = [
          "iam:DeleteRole", "iam:DeleteRolePolicy", "iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies",
          "iam:ListInstanceProfilesForRole",
          "iam:ListRolePolicies", "iam:ListRoleTags", "iam:TagRole", "iam:UntagRole", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole",
          "iam:UpdateRoleDescription"
        ]
        Resource = local.resource_arns[each.key].roles
      },
      {
        # Only roles with the boundary get permissions. CI may neither remove a boundary nor change
        # its policy.
        Sid      = "GrantWithinBoundary"
        Effect   = "Allow"
        Action   = ["iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"]
        Resource = local.resource_arns[each.key].roles
        Condition = { StringEquals = {
        "iam:PermissionsBoundary" = "arn:${local.partition}:iam::${local.account}:policy${local.path}${local.boundary_names[each.key]}" } }
      },
      {
        # The service-linked roles of API Gateway for X-Ray, which the first stage of an account
        # creates, of WAF for logs, of AWS Backup, and of Cognito for mail by Amazon SES.
        Sid    = "MakeServiceRoles"
        Effect = "Allow"
        Action = "iam:CreateServiceLinkedRole"
        Resource = [for service in local.services_with_roles :
          "arn:${local.partition}:iam::${local.account}:role/aws-service-role/${service}.amazonaws.com/*"
        ]
        Condition = {
          StringEquals = { "iam:AWSServiceName" = [for service in local.services_with_roles : "${service}.amazonaws.com"] }
        }
      },
      {
        Sid      = "PassRoles"
        Effect   = "Allow"
        Action   = "iam:PassRole"
        Resource = local.resource_arns[each.key].roles
        Condition = {
          StringEquals = { "iam:PassedToService" = [for service in ["backup", "lambda", "scheduler", "vpc-flow-logs"] :
            "${service}.amazonaws.com"
          ] }
        }
      },
      {
        # Also to search them: the logs of new versions can cause a release to be rolled back.
        Sid    = "DeployLogGroups"
        Effect = "Allow"
        Action = [
          "logs:*Retention*",
          "logs:*KmsKey",
          "logs:CreateLogGroup",
          "logs:DeleteLogGroup",
          "logs:FilterLogEvents",
          "logs:ListTags*",
          "logs:TagResource",
          "logs:UntagResource"
        ]
        Resource = flatten([for group in local.resource_arns[each.key].log_groups : [group, "${group}:*"]])
      },
      {
        # Stages and flow logs deliver to log groups through these, which do not apply to single
        # groups.
        Sid    = "DeliverLogs"
        Effect = "Allow"
        Action = [
          "logs:CreateLogDelivery",
          "logs:DeleteLogDelivery",
          "logs:Describe*",
          "logs:GetLogDelivery",
          "logs:ListLogDeliveries",
          "logs:PutResourcePolicy",
          "logs:UpdateLogDelivery"
        ]
        Resource  = "*"
        Condition = local.region_condition
      },
      {
        # A new key has no ARN yet, so IAM checks its tags.
        Sid       = "MakeKeys"
        Effect    = "Allow"
        Action    = ["kms:CreateKey", "kms:TagResource"]
        Resource  = "*"
        Condition = local.request_condition[each.key]
      },
      {
        # Without this, CI could tag another system's key and then use it. A new key has no ARN yet
        # when KMS checks this permission, so the statement affects only existing keys of others.
        # There is one statement for each tag, because one wrong tag is enough.
        Sid       = "ClaimNoKeys"
        Effect    = "Deny"
        Action    = "kms:TagResource"
        Resource  = local.key_arns
        Condition = { StringNotEquals = { "aws:ResourceTag/Project" = var.name } }
      },
      {
        Sid       = "ClaimNoKeysOfOthers"
        Effect    = "Deny"
        Action    = "kms:TagResource"
        Resource  = local.key_arns
        Condition = { StringNotEquals = { "aws:ResourceTag/Environment" = each.key } }
      },
      {
        Sid    = "KeepKeys"
        Effect = "Allow"
        Action = [
          "kms:CreateGrant",
          "kms:Decrypt",
          "kms:Describe*",
          "kms:EnableKeyRotation",
          "kms:Encrypt",
          "kms:GenerateDataKey*",
          "kms:Get*",
          "kms:List*",
          "kms:PutKeyPolicy",
          "kms:RetireGrant",
          "kms:ScheduleKeyDeletion",
          "kms:TagResource",
          "kms:UntagResource",
          "kms:Update*",
          "kms:CreateAlias",
          "kms:DeleteAlias"
        ]
        Resource  = local.key_arns
        Condition = local.resource_condition[each.key]
      },
      {
        Sid      = "NameKeys"
        Effect   = "Allow"
        Action   = ["kms:CreateAlias", "kms:DeleteAlias", "kms:UpdateAlias"]
        Resource = "arn:${local.partition}:kms:${var.region}:${local.account}:alias/${var.name}-${each.key}"
      },
      {
        # None of these applies to single resources.
        Sid       = "FindOthers"
        Effect    = "Allow"
        Action    = ["cloudtrail:DescribeTrails", "cognito-idp:DescribeUserPoolDomain", "kms:ListAliases"]
        Resource  = "*"
        Condition = local.region_condition
      },
      {
        # A new pool has no ARN yet, so IAM checks its tags.
        Sid       = "MakeUserPools"
        Effect    = "Allow"
        Action    = "cognito-idp:CreateUserPool"
        Resource  = "*"
        Condition = local.request_condition[each.key]
      },
      {
        # Pools, but not users: CI cannot read addresses or add anyone to a group.
        Sid    = "KeepUserPools"
        Effect = "Allow"
        Action = [
          "cognito-idp:*ResourceServer", "cognito-idp:*UserPool", "cognito-idp:*UserPoolClient", "cognito-idp:*UserPoolDomain",
          "cognito-idp:*UserPoolMfaConfig",
          "cognito-idp:CreateGroup", "cognito-idp:DeleteGroup", "cognito-idp:GetGroup", "cognito-idp:ListTagsForResource",
          "cognito-idp:TagResource",
          "cognito-idp:UntagResource", "cognito-idp:UpdateGroup"
        ]
        Resource  = local.user_pool_arns
        Condition = local.resource_condition[each.key]
      },
      ], [for arns in [sort(var.key_arns)] : {
        # Existing keys do not have the system's tags. CI may use them, and read their policies
        # before an apply.
        Sid    = "UseExistingKeys"
        Effect = "Allow"
        Action = [
          "kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:GetKeyPolicy",
          "kms:GetKeyRotationStatus", "kms:ReEncrypt*"
        ]
        Resource = arns
        } if length(arns) > 0], [for arns in [local.vpc_arns] : {
        Sid       = "LeaveExistingNetworksAsTheyAre"
        Effect    = "Deny"
        NotAction = ["ec2:CreateSecurityGroup", "ec2:Describe*"]
        Resource  = arns
    } if length(arns) > 0])
  })
}

# The remaining permissions: firewall, audit, backups, monitoring and network. They are in a
# separate policy because a role's inline policies may have 10240 characters together, which long
# names would exceed.
resource "aws_iam_policy" "deploy" {
  for_each = local.environments

  name        = aws_iam_role.ci["deploy-${each.key}"].name
  description = aws_iam_role.ci["deploy-${each.key}"].description
  path        = local.path

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "DeployFirewall"
        Effect = "Allow"
        Action = [
          "wafv2:*LoggingConfiguration",
          "wafv2:*WebACL",
          "wafv2:GetWebACLForResource",
          "wafv2:ListTagsForResource",
          "wafv2:TagResource",
          "wafv2:UntagResource"
        ]
        Resource = [
          local.resource_arns[each.key].firewalls,
          "arn:${local.partition}:wafv2:${var.region}:*:regional/managedruleset/*/*",
          local.resource_arns[each.key].stages
        ]
      },
      {
        Sid      = "StandBehindFirewall"
        Effect   = "Allow"
        Action   = "apigateway:SetWebACL"
        Resource = local.resource_arns[each.key].stages
      },
      {
        # CI updates the trail's list of tables. Only an administrator may create or stop the trail.
        Sid      = "KeepTrail"
        Effect   = "Allow"
        Action   = ["cloudtrail:*EventSelectors", "cloudtrail:*Tags", "cloudtrail:GetTrail", "cloudtrail:GetTrailStatus"]
        Resource = local.resource_arns[each.key].trails
      },
      {
        # To compare the bucket with the state. Whoever may write the bucket's policy could also
        # read its records. An administrator therefore runs the first apply with audit, changes the
        # bucket and destroys it.
        Sid      = "SeeBucket"
        Effect   = "Allow"
        Action   = ["s3:Get*Configuration", "s3:GetBucket*", "s3:ListBucket", "s3:PutBucketTagging"]
        Resource = local.resource_arns[each.key].records
      },
      {
        # Even if another policy grants it.
        Sid      = "TouchNoRecords"
        Effect   = "Deny"
        Action   = "s3:*"
        Resource = [for bucket in local.resource_arns["*"].records : "${bucket}/*"]
      },
      {
        Sid    = "DeployVault"
        Effect = "Allow"
        Action = [
          "backup:*BackupVaultAccessPolicy", "backup:CreateBackupVault", "backup:DeleteBackupVault", "backup:DescribeBackupVault",
          "backup:ListRecoveryPointsByBackupVault", "backup:ListTags", "backup:TagResource", "backup:UntagResource"
        ]
        Resource = local.resource_arns[each.key].backups
      },
      {
        # Creates a vault's storage, which has no ARN.
        Sid       = "MakeVaults"
        Effect    = "Allow"
        Action    = "backup-storage:MountCapsule"
        Resource  = "*"
        Condition = local.region_condition
      },
      {
        # A new plan has no tags yet. The condition protects the tags of others' plans.
        Sid       = "MakeBackupPlans"
        Effect    = "Allow"
        Action    = ["backup:CreateBackupPlan", "backup:TagResource"]
        Resource  = local.backup_plan_arns
        Condition = merge(local.request_condition[each.key], { StringEqualsIfExists = local.resource_condition[each.key].StringEquals })
      },
      {
        Sid    = "DeployBackupPlans"
        Effect = "Allow"
        Action = [
          "backup:*BackupSelection",
          "backup:DeleteBackupPlan",
          "backup:GetBackupPlan",
          "backup:ListTags",
          "backup:UntagResource",
          "backup:UpdateBackupPlan"
        ]
        Resource  = local.backup_plan_arns
        Condition = local.resource_condition[each.key]
      },
      {
        # Even if another policy grants it, such as a vault's: nobody who can deploy may delete
        # backups.
        Sid    = "TouchNoBackups"
        Effect = "Deny"
        Action = [
          "backup:*RecoveryPoint*Lifecycle", "backup:DeleteRecoveryPoint", "backup:DisassociateRecoveryPoint*", "backup:Start*Job"
        ]
        Resource = "*"
      },
      {
        Sid      = "DeployAlarms"
        Effect   = "Allow"
        Action   = ["cloudwatch:ListTagsForResource", "cloudwatch:PutMetricAlarm", "cloudwatch:TagResource", "cloudwatch:UntagResource"]
        Resource = local.resource_arns[each.key].alarms
      },
      {
        # CloudWatch requires permission for all alarms if some are composite. Saved queries and
        # subscriptions have no names.
        Sid    = "DeployOthersThatWatch"
        Effect = "Allow"
        Action = [
          "cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms", "cloudwatch:PutCompositeAlarm", "logs:DeleteQueryDefinition",
          "logs:PutQueryDefinition",
          "sns:GetSubscriptionAttributes", "sns:Unsubscribe"
        ]
        Resource  = "*"
        Condition = local.region_condition
      },
      {
        Sid      = "DeployDashboards"
        Effect   = "Allow"
        Action   = ["cloudwatch:DeleteDashboards", "cloudwatch:GetDashboard", "cloudwatch:PutDashboard"]
        Resource = local.resource_arns[each.key].dashboards
      },
      {
        Sid    = "DeployBudget"
        Effect = "Allow"
        Action = [
          "budgets:ListTagsForResource", "budgets:ModifyBudget", "budgets:TagResource", "budgets:UntagResource", "budgets:ViewBudget"
        ]
        Resource = local.resource_arns[each.key].budgets
      },
      {
        # Without permission to publish, which only alarms need.
        Sid    = "DeployTopics"
        Effect = "Allow"
        Action = [
          "sns:*TopicAttributes",
          "sns:CreateTopic",
          "sns:DeleteTopic",
          "sns:ListTagsForResource",
          "sns:Subscribe",
          "sns:TagResource",
          "sns:UntagResource"
        ]
        Resource = local.resource_arns[each.key].topics
      },
      {
        # New resources have no ARN yet, and Describe actions do not apply to single resources, so
        # the region is the limit.
        Sid    = "DeployNetwork"
        Effect = "Allow"
        Action = [
          "ec2:*Address*", "ec2:*FlowLogs", "ec2:*InternetGateway*", "ec2:*NatGateway*", "ec2:*NetworkAcl*", "ec2:*Route*",
          "ec2:*SecurityGroup*",
          "ec2:*Subnet*", "ec2:*Tags", "ec2:*Vpc", "ec2:*VpcAttribute", "ec2:*VpcEndpoint*", "ec2:*Vpcs", "ec2:Describe*"
        ]
        Resource  = "*"
        Condition = local.region_condition
      },
    ]
  })
}

resource "aws_iam_role_policy_attachment" "deploy" {
  for_each = local.environments

  policy_arn = aws_iam_policy.deploy[each.key].arn
  role       = aws_iam_role.ci["deploy-${each.key}"].name
}

# Permissions for the web console, separate for the same reason.
resource "aws_iam_policy" "website" {
  for_each = local.environments

  name        = "${aws_iam_role.ci["deploy-${each.key}"].name}-website"
  description = "${aws_iam_role.ci["deploy-${each.key}"].description}: the web console"
  path        = local.path

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        Sid    = "DeployBucket"
        Effect = "Allow"
        Action = [
          "s3:CreateBucket", "s3:DeleteBucket", "s3:DeleteBucketPolicy", "s3:Get*Configuration", "s3:GetBucket*", "s3:ListBucket",
          "s3:ListBucketVersions",
          "s3:PutBucketLogging", "s3:PutBucketOwnershipControls", "s3:PutBucketPolicy", "s3:PutBucketPublicAccessBlock",
          "s3:PutBucketTagging"
        ]
        Resource = local.resource_arns[each.key].pages
      },
      {
        Sid      = "DeployPage"
        Effect   = "Allow"
        Action   = ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:GetObject", "s3:GetObjectTagging", "s3:PutObject"]
        Resource = [for bucket in local.resource_arns[each.key].pages : "${bucket}/*"]
      },
      {
        # A new distribution has no tags yet. The condition protects the tags of others'
        # distributions.
        Sid       = "MakeDistributions"
        Effect    = "Allow"
        Action    = ["cloudfront:CreateDistribution", "cloudfront:TagResource"]
        Resource  = local.distribution_arns
        Condition = merge(local.request_condition[each.key], { StringEqualsIfExists = local.resource_condition[each.key].StringEquals })
      },
      {
        Sid    = "DeployDistributions"
        Effect = "Allow"
        Action = [
          "cloudfront:DeleteDistribution",
          "cloudfront:GetDistribution",
          "cloudfront:ListTagsForResource",
          "cloudfront:UntagResource",
          "cloudfront:UpdateDistribution"
        ]
        Resource  = local.distribution_arns
        Condition = local.resource_condition[each.key]
      },
      {
        Sid    = "DeployMount"
        Effect = "Allow"
        Action = [
          "cloudfront:CreateFunction",
          "cloudfront:DeleteFunction",
          "cloudfront:DescribeFunction",
          "cloudfront:GetFunction",
          "cloudfront:PublishFunction",
          "cloudfront:UpdateFunction"
        ]
        Resource = local.resource_arns[each.key].mounts
      },
      {
        # Neither names nor tags identify the environment of these resources, so those of other
        # environments are within reach.
        Sid    = "DeployHeaders"
        Effect = "Allow"
        Action = [
          "cloudfront:CreateResponseHeadersPolicy", "cloudfront:DeleteOriginAccessControl", "cloudfront:DeleteResponseHeadersPolicy",
          "cloudfront:GetOriginAccessControl", "cloudfront:GetResponseHeadersPolicy", "cloudfront:UpdateOriginAccessControl",
          "cloudfront:UpdateResponseHeadersPolicy"
        ]
        Resource = local.cloudfront_arns
      },
      {
        # This action does not apply to single resources.
        Sid      = "MakeOriginAccess"
        Effect   = "Allow"
        Action   = "cloudfront:CreateOriginAccessControl"
        Resource = "*"
      },
      {
        # CloudFront requires this with website.web_acl_arn.
        Sid      = "NameFirewall"
        Effect   = "Allow"
        Action   = "wafv2:GetWebACL"
        Resource = "arn:${local.partition}:wafv2:us-east-1:${local.account}:global/webacl/*/*"
      },
      ], [for bucket in var.log_bucket[*] : {
        # CloudFront uses the role to allow itself to write its access log.
        Sid      = "LetCloudFrontLog"
        Effect   = "Allow"
        Action   = ["s3:GetBucketAcl", "s3:PutBucketAcl"]
        Resource = "arn:${local.partition}:s3:::${bucket}"
    }])
  })
}

resource "aws_iam_role_policy_attachment" "website" {
  for_each = local.environments

  policy_arn = aws_iam_policy.website[each.key].arn
  role       = aws_iam_role.ci["deploy-${each.key}"].name
}

# Permissions for the triggers of your own functions, separate for the same reason.
resource "aws_iam_policy" "triggers" {
  for_each = local.environments

  name        = "${aws_iam_role.ci["deploy-${each.key}"].name}-triggers"
  description = "${aws_iam_role.ci["deploy-${each.key}"].description}: what starts functions of your own"
  path        = local.path

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        # Without permission to send or receive messages.
        Sid    = "DeployQueues"
        Effect = "Allow"
        Action = [
          "sqs:CreateQueue",
          "sqs:DeleteQueue",
          "sqs:GetQueueAttributes",
          "sqs:GetQueueUrl",
          "sqs:ListQueueTags",
          "sqs:SetQueueAttributes",
          "sqs:TagQueue",
          "sqs:UntagQueue"
        ]
        Resource = local.resource_arns[each.key].queues
      },
      {
        # This action does not apply to single resources.
        Sid       = "MakeEventSourceMappings"
        Effect    = "Allow"
        Action    = "lambda:CreateEventSourceMapping"
        Resource  = "*"
        Condition = local.mapping_condition[each.key]
      },
      {
        Sid       = "DeployEventSourceMappings"
        Effect    = "Allow"
        Action    = ["lambda:DeleteEventSourceMapping", "lambda:GetEventSourceMapping", "lambda:UpdateEventSourceMapping"]
        Resource  = local.mapping_arns
        Condition = local.mapping_condition[each.key]
      },
      {
        # A new mapping has no tags yet. The condition protects the tags of others' mappings.
        Sid       = "ClaimEventSourceMappings"
        Effect    = "Allow"
        Action    = "lambda:TagResource"
        Resource  = local.mapping_arns
        Condition = merge(local.request_condition[each.key], { StringEqualsIfExists = local.resource_condition[each.key].StringEquals })
      },
      {
        Sid       = "TagEventSourceMappings"
        Effect    = "Allow"
        Action    = ["lambda:ListTags", "lambda:TagResource", "lambda:UntagResource"]
        Resource  = local.mapping_arns
        Condition = local.resource_condition[each.key]
      },
      {
        # For rules that send to queues. Targets that need a role do not work, because PassRoles
        # does not include EventBridge.
        Sid    = "DeployRules"
        Effect = "Allow"
        Action = [
          "events:DeleteRule",
          "events:DescribeRule",
          "events:DisableRule",
          "events:EnableRule",
          "events:ListTagsForResource",
          "events:ListTargetsByRule",
          "events:PutRule",
          "events:PutTargets",
          "events:RemoveTargets",
          "events:TagResource",
          "events:UntagResource"
        ]
        Resource = local.resource_arns[each.key].rules
      },
      {
        Sid    = "DeploySchedules"
        Effect = "Allow"
        Action = [
          "scheduler:CreateSchedule",
          "scheduler:CreateScheduleGroup",
          "scheduler:DeleteSchedule",
          "scheduler:DeleteScheduleGroup",
          "scheduler:GetSchedule",
          "scheduler:GetScheduleGroup",
          "scheduler:ListTagsForResource",
          "scheduler:TagResource",
          "scheduler:UntagResource",
          "scheduler:UpdateSchedule"
        ]
        Resource = local.resource_arns[each.key].schedules
      },
    ]
  })
}

resource "aws_iam_role_policy_attachment" "triggers" {
  for_each = local.environments

  policy_arn = aws_iam_policy.triggers[each.key].arn
  role       = aws_iam_role.ci["deploy-${each.key}"].name
}

# Permissions for environments with a domain.
resource "aws_iam_policy" "domain" {
  for_each = { for environment, d in var.domains : environment => d if contains(local.environments, environment) }

  name        = "${aws_iam_role.ci["deploy-${each.key}"].name}-domain"
  description = "${aws_iam_role.ci["deploy-${each.key}"].description}: the API's domain"
  path        = local.path

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        # A new domain is created at the collection, whose ARN does not contain the name.
        # LeaveOthersAlone protects other environments' domains by their tags.
        Sid      = "MakeDomains"
        Effect   = "Allow"
        Action   = "apigateway:POST"
        Resource = "arn:${local.partition}:apigateway:${var.region}::/domainnames"
      },
      {
        Sid      = "DeployDomain"
        Effect   = "Allow"
        Action   = ["apigateway:DELETE", "apigateway:GET", "apigateway:PATCH", "apigateway:POST", "apigateway:PUT"]
        Resource = local.domain_arns[each.key]
      },
      ], [for statement in [
        {
          # API Gateway requires these in addition to the permission to change the domain.
          Sid      = "AskForCertificates"
          Effect   = "Allow"
          Action   = ["apigateway:AddCertificateToDomain", "apigateway:RemoveCertificateFromDomain"]
          Resource = concat(["arn:${local.partition}:apigateway:${var.region}::/domainnames"], local.domain_arns[each.key])
        },
        {
          # API Gateway reads the truststore with the role that sets it.
          Sid      = "ReadTruststore"
          Effect   = "Allow"
          Action   = ["s3:GetObject", "s3:GetObjectVersion"]
          Resource = "arn:${local.partition}:s3:::${trimprefix(coalesce(each.value.truststore, "-"), "s3://")}"
        },
        ] : statement if each.value.truststore != null], [for statement in [
        {
          # A new certificate has no ARN yet, so IAM checks its tags.
          Sid       = "MakeCertificates"
          Effect    = "Allow"
          Action    = ["acm:AddTagsToCertificate", "acm:RequestCertificate"]
          Resource  = "*"
          Condition = merge(local.request_condition[each.key], { StringEqualsIfExists = local.resource_condition[each.key].StringEquals })
        },
        {
          Sid    = "KeepCertificates"
          Effect = "Allow"
          Action = [
            "acm:DeleteCertificate", "acm:DescribeCertificate", "acm:ListTagsForCertificate", "acm:RemoveTagsFromCertificate"
          ]
          Resource  = local.certificate_arns
          Condition = local.resource_condition[each.key]
        },
        {
          Sid      = "SeeZone"
          Effect   = "Allow"
          Action   = ["route53:GetHostedZone", "route53:ListResourceRecordSets"]
          Resource = "arn:${local.partition}:route53:::hostedzone/${coalesce(each.value.zone_id, "-")}"
        },
        {
          # Only the records of the name and ACM's validation record.
          Sid      = "KeepRecords"
          Effect   = "Allow"
          Action   = "route53:ChangeResourceRecordSets"
          Resource = "arn:${local.partition}:route53:::hostedzone/${coalesce(each.value.zone_id, "-")}"
          Condition = {
            "ForAllValues:StringEquals" = { "route53:ChangeResourceRecordSetsRecordTypes" = ["A", "AAAA", "CNAME"] }
            "ForAllValues:StringLike" = {
              "route53:ChangeResourceRecordSetsNormalizedRecordNames" = [each.value.name, "_*.${each.value.name}"]
            }
          }
        },
        {
          Sid      = "AwaitRecords"
          Effect   = "Allow"
          Action   = "route53:GetChange"
          Resource = "arn:${local.partition}:route53:::change/*"
        },
    ] : statement if each.value.zone_id != null])
  })
}

resource "aws_iam_role_policy_attachment" "domain" {
  for_each = aws_iam_policy.domain

  policy_arn = each.value.arn
  role       = aws_iam_role.ci["deploy-${each.key}"].name
}
