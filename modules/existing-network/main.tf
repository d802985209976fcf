# Security groups of functions in an existing VPC. They accept no connections, and allow outgoing ones only to port 443 and to known
# addresses: AWS's prefix lists of DynamoDB and S3, which a gateway endpoint or a NAT gateway may serve, and the VPC's own addresses, where
# its interface endpoints are.

data "aws_prefix_list" "this" {
  for_each = toset(concat(["dynamodb"], var.s3 ? ["s3"] : []))

  name = "com.amazonaws.${var.region}.${each.key}"
}

data "aws_vpc" "this" {
  count = var.endpoints ? 1 : 0

  id = var.vpc_id
}

resource "aws_security_group" "functions" {
  #checkov:skip=CKV2_AWS_5:modules/function attaches it through a variable, which checkov's graph does not follow
  name        = "${var.name}-functions"
  description = "Lambda functions of ${var.name}"
  vpc_id      = var.vpc_id

  tags = merge(var.tags, { Name = "${var.name}-functions" })
}

resource "aws_vpc_security_group_egress_rule" "gateway" {
  for_each = data.aws_prefix_list.this

  description       = "To ${each.key}"
  from_port         = 443
  ip_protocol       = "tcp"
  prefix_list_id    = each.value.id
  security_group_id = aws_security_group.functions.id
  tags              = var.tags
  to_port           = 443
}

# A separate group for functions that call interface endpoints; others reach nothing in the VPC. One rule covers all CIDR blocks of the
# VPC, since their number is unknown until an apply has created the VPC.
resource "aws_security_group" "endpoint_clients" {
  #checkov:skip=CKV2_AWS_5:modules/function attaches it through a variable, which checkov's graph does not follow
  count = var.endpoints ? 1 : 0

  name        = "${var.name}-endpoint-clients"
  description = "Lambda functions of ${var.name} that call interface endpoints"
  vpc_id      = var.vpc_id

  egress {
    cidr_blocks = sort(data.aws_vpc.this[0].cidr_block_associations[*].cidr_block)
    description = "To interface endpoints of the VPC"
    from_port   = 443
    protocol    = "tcp"
    to_port     = 443
  }

  tags = merge(var.tags, { Name = "${var.name}-endpoint-clients" })
}

# A separate group for functions that call the internet through the VPC's NAT gateway or another
# route.
resource "aws_security_group" "egress" {
  #checkov:skip=CKV2_AWS_5:modules/function attaches it through a variable, which checkov's graph does not follow
  count = var.egress ? 1 : 0

  name        = "${var.name}-egress"
  description = "Lambda functions of ${var.name} that reach the internet"
  vpc_id      = var.vpc_id

  tags = merge(var.tags, { Name = "${var.name}-egress" })
}

resource "aws_vpc_security_group_egress_rule" "internet" {
  count = var.egress ? 1 : 0

  cidr_ipv4         = "0.0.0.0/0"
  description       = "To the internet"
  from_port         = 443
  ip_protocol       = "tcp"
  security_group_id = aws_security_group.egress[0].id
  tags              = var.tags
  to_port           = 443
}
