locals {
  # The gateway endpoints allow only this system's tables and buckets, so that a compromised function
  # cannot copy data elsewhere.
  gateways = {
    dynamodb = {
      actions   = [for action in var.table_actions : "dynamodb:${action}"]
      resources = flatten([for arn in var.table_arns : [arn, "${arn}/index/*"]])
    }
    s3 = {
      actions   = ["s3:DeleteObject", "s3:GetObject", "s3:ListBucket", "s3:PutObject"]
      resources = flatten([for arn in var.bucket_arns : [arn, "${arn}/*"]])
    }
  }

  # The endpoints also allow what your own functions' statements allow for these services.
  own_statements = { for service in keys(local.gateways) : service => distinct([for statement in [for s in var.statements :
    merge(s, { actions = [for action in s.actions : action if startswith(action, "${service}:")] })
  ] : statement if length(statement.actions) > 0]) }
}

resource "aws_vpc_endpoint" "gateway" {
  for_each = local.gateways

  route_table_ids   = values(aws_route_table.private)[*].id
  service_name      = "com.amazonaws.${var.scope.region}.${each.key}"
  vpc_endpoint_type = "Gateway"
  vpc_id            = aws_vpc.this.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([{
      Effect    = "Allow"
      Principal = "*"
      Action    = each.value.actions
      Resource  = each.value.resources
      # S3 ARNs name no account: after you delete a bucket, another account can create one with its
      # name.
      Condition = { StringEquals = { "aws:ResourceAccount" = var.scope.account_id } }
      }], [for statement in local.own_statements[each.key] :
      { Effect = "Allow", Principal = "*", Action = statement.actions, Resource = statement.resources }
    ])
  })

  tags = merge(var.tags, { Name = "${var.name}-${each.key}" })

  lifecycle {
    precondition {
      condition = length(jsonencode([each.value.resources, local.own_statements[each.key]])) + 500 <= 20480
      error_message = join(" ", [
        "The policy of the ${each.key} endpoint has ${length(jsonencode([each.value.resources, local.own_statements[each.key]])) + 500}",
        "characters, and AWS allows 20480: it names each of ${length(var.table_arns)} tables. Move some entities to a second system, or",
        "write network = null.",
      ])
    }
  }
}

resource "aws_vpc_endpoint" "interface" {
  for_each = var.endpoints

  private_dns_enabled = true
  security_group_ids  = aws_security_group.endpoints[*].id
  service_name        = "com.amazonaws.${var.scope.region}.${each.key}"
  subnet_ids          = values(aws_subnet.private)[*].id
  vpc_endpoint_type   = "Interface"
  vpc_id              = aws_vpc.this.id

  # All actions of the service, but only on this account's resources, so that a compromised function cannot copy data to another account.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = "*"
      Action    = "*"
      Resource  = "*"
      Condition = { StringEquals = { "aws:ResourceAccount" = var.scope.account_id } }
    }]
  })

  tags = merge(var.tags, { Name = "${var.name}-${each.key}" })
}
