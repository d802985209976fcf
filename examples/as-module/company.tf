# Resources that a company already has. They complete the example: in your configuration, these are
# data sources, ids or resources of other teams.
data "aws_caller_identity" "this" {
  provider = aws.api
}

resource "aws_vpc" "company" {
  #checkov:skip=CKV2_AWS_11:flow logs are the company's decision
  provider = aws.api

  cidr_block           = "10.20.0.0/16"
  enable_dns_hostnames = true
  enable_dns_support   = true

  tags = { Name = "company" }
}

# Managed here to remove its default rules.
resource "aws_default_security_group" "company" {
  provider = aws.api

  vpc_id = aws_vpc.company.id
}

resource "aws_subnet" "private" {
  provider = aws.api
  for_each = { a = "10.20.1.0/24", b = "10.20.2.0/24" }

  availability_zone = "${var.region}${each.key}"
  cidr_block        = each.value
  vpc_id            = aws_vpc.company.id

  tags = { Name = "company-private-${each.key}" }
}

resource "aws_route_table" "private" {
  provider = aws.api

  vpc_id = aws_vpc.company.id

  tags = { Name = "company-private" }
}

resource "aws_route_table_association" "private" {
  provider = aws.api
  for_each = aws_subnet.private

  route_table_id = aws_route_table.private.id
  subnet_id      = each.value.id
}

# Through this endpoint, the functions reach their tables.
resource "aws_vpc_endpoint" "dynamodb" {
  provider = aws.api

  route_table_ids   = [aws_route_table.private.id]
  service_name      = "com.amazonaws.${var.region}.dynamodb"
  vpc_endpoint_type = "Gateway"
  vpc_id            = aws_vpc.company.id

  tags = { Name = "company-dynamodb" }
}

# The company's key, whose policy allows the API to use it.
resource "aws_kms_key" "company" {
  provider = aws.api

  description         = "What the company stores"
  enable_key_rotation = true

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid       = "AccountAdministers"
        Effect    = "Allow"
        Principal = { AWS = "arn:aws:iam::${data.aws_caller_identity.this.account_id}:root" }
        Action    = "kms:*"
        Resource  = "*"
      }],
      module.api.kms_key_statements,
    )
  })
}
