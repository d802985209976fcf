# The most that any role of an environment may ever do, whatever policies CI gives it. Give its ARN to the environments as
# permissions_boundary. Besides all that modules/function and modules/network grant: no other tables, and no IAM.
resource "aws_iam_policy" "boundary" {
  count = var.repository == null ? 0 : 1

  name        = local.boundary
  description = "Bounds the roles that CI makes for ${var.name}"
  path        = local.path

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "UseItems"
        Effect = "Allow"
        Action = [
          "dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:ConditionCheckItem", "dynamodb:DeleteItem", "dynamodb:GetItem",
          "dynamodb:PutItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:UpdateItem"
        ]
        Resource = [local.deployable.tables, "${local.deployable.tables}/index/*"]
      },
      {
        Sid      = "WriteLogs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:DescribeLogGroups", "logs:DescribeLogStreams", "logs:PutLogEvents"]
        Resource = [for group in local.deployable.log_groups : "${group}:*"]
      },
      {
        # X-Ray has no resources to name.
        Sid       = "WriteTraces"
        Effect    = "Allow"
        Action    = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
        Resource  = "*"
        Condition = local.in_region
      },
      {
        # Through DynamoDB and Lambda, and directly: our keys encrypt nothing that is not ours.
        Sid       = "Decrypt"
        Effect    = "Allow"
        Action    = "kms:Decrypt"
        Resource  = local.keys
        Condition = local.our_keys
      },
      {
        # Lambda makes interfaces before they have an ARN.
        Sid    = "AttachToNetwork"
        Effect = "Allow"
        Action = [
          "ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces",
          "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs", "ec2:GetSecurityGroupsForVpc", "ec2:UnassignPrivateIpAddresses"
        ]
        Resource  = "*"
        Condition = local.in_region
      },
    ]
  })
}
