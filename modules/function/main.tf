locals {
  function_arn = "arn:${var.scope.partition}:lambda:${var.scope.region}:${var.scope.account_id}:function:${var.name}"

  statements = concat(var.statements, [
    {
      # No permission to create log groups: a group that Lambda creates has neither a key nor a
      # retention. Terraform creates the group below with both.
      sid       = "WriteLogs"
      actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      resources = ["arn:${var.scope.partition}:logs:${var.scope.region}:${var.scope.account_id}:log-group:/aws/lambda/${var.name}:*"]
    },
    {
      # X-Ray's actions do not apply to single resources.
      sid       = "WriteTraces"
      actions   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
      resources = ["*"]
    },
  ])

  network_statements = [
    {
      # Lambda creates network interfaces with the role's permissions before they have an ARN, so
      # the resource has to be "*". AWS's managed policy is not used, since it also allows creating
      # log groups.
      Sid    = "AttachToNetwork"
      Effect = "Allow"
      Action = [
        "ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs", "ec2:GetSecurityGroupsForVpc",
        "ec2:UnassignPrivateIpAddresses"
      ]
      Resource  = "*"
      Condition = { StringEquals = { "aws:RequestedRegion" = var.scope.region } }
    },
    {
      # Only the Lambda service needs these permissions, never the function's code.
      Sid       = "DenyNetworkToCode"
      Effect    = "Deny"
      Action    = "ec2:*"
      Resource  = "*"
      Condition = { ArnEquals = { "lambda:SourceFunctionArn" = local.function_arn } }
    },
  ]
}

resource "aws_iam_role" "this" {
  name                 = var.role_name
  description          = "Runs the function ${var.name}"
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })

  # Names of older roles do not contain the region. These roles keep their names: a new name means a
  # new role, but published versions of the function still need the old one.
  lifecycle {
    ignore_changes = [name]
  }
}

resource "aws_iam_role_policy" "this" {
  name = "function"
  role = aws_iam_role.this.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [for s in local.statements : { Sid = s.sid, Effect = "Allow", Action = s.actions, Resource = s.resources }],
      [for s in local.network_statements : s if var.network != null],
    )
  })
}

# DynamoDB uses the key with the permissions of its caller, this role. Lambda decrypts the environment
# variables with a grant (a permission on the key) for the role's unique id. If somebody recreates
# the role by hand, its id changes, and the grant is lost: then Lambda uses this policy. The policy
# is separate, so that a plan that does not know the key's ARN yet still shows all other permissions.
resource "aws_iam_role_policy" "key" {
  count = var.customer_key ? 1 : 0

  name = "key"
  role = aws_iam_role.this.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([{
      Sid      = "DecryptTableAndEnvironment"
      Effect   = "Allow"
      Action   = "kms:Decrypt"
      Resource = var.kms_key_arn
      Condition = { StringEquals = {
        "kms:ViaService" = [for service in ["dynamodb", "lambda"] : "${service}.${var.scope.region}.${var.scope.dns_suffix}"]
      } }
      }], !var.uses_queues ? [] : [{
      # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
      Sid       = "UseQueues"
      Effect    = "Allow"
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource  = var.kms_key_arn
      Condition = { StringEquals = { "kms:ViaService" = "sqs.${var.scope.region}.${var.scope.dns_suffix}" } }
    }])
  })
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/lambda/${var.name}"
  kms_key_id        = var.kms_key_arn
  retention_in_days = var.log_retention_days
  tags              = var.tags
}

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_116:API Gateway waits for the response; a dead-letter queue is only for asynchronous calls
  #checkov:skip=CKV_AWS_272:code signing needs a signing profile and a bucket per account; CI builds the same bytes from source and compares
  function_name                  = var.name
  description                    = var.description
  architectures                  = ["arm64"]
  code_signing_config_arn        = var.code_signing_config_arn
  filename                       = var.package
  handler                        = var.handler
  kms_key_arn                    = var.kms_key_arn
  memory_size                    = var.memory_size
  publish                        = true
  reserved_concurrent_executions = coalesce(var.reserved_concurrency, -1)
  role                           = aws_iam_role.this.arn
  runtime                        = var.runtime
  source_code_hash               = var.source_code_hash
  tags                           = var.tags
  timeout                        = var.timeout

  environment {
    variables = var.environment
  }

  # If SnapStart is off, the block is omitted. AWS treats a block with apply_on = "None" in the same
  # way, but some tools that read plans do not.
  dynamic "snap_start" {
    for_each = var.snap_start ? ["PublishedVersions"] : []
    content {
      apply_on = snap_start.value
    }
  }

  tracing_config {
    mode = "Active"
  }

  dynamic "vpc_config" {
    for_each = var.network[*]
    content {
      security_group_ids = vpc_config.value.security_group_ids
      subnet_ids         = vpc_config.value.subnet_ids
    }
  }

  # Lambda needs the role's permissions to create network interfaces, and to delete them on destroy.
  # Without the log group, the first invocations could not write their logs.
  depends_on = [aws_cloudwatch_log_group.this, aws_iam_role_policy.key, aws_iam_role_policy.this]
}

# The alias that callers invoke. An apply publishes a version if the function has changed.
# `make release` and `make rollback` point the alias to a version, and record the version in a file
# that Terraform reads, so that a plan shows no change.
resource "aws_lambda_alias" "live" {
  name             = "live"
  description      = "The version that serves requests"
  function_name    = aws_lambda_function.this.function_name
  function_version = coalesce(var.live_version, aws_lambda_function.this.version)

  dynamic "routing_config" {
    for_each = var.canary[*]
    content {
      additional_version_weights = { (routing_config.value.version) = routing_config.value.weight }
    }
  }
}
