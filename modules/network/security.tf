# Network ACLs are stateless, so responses need their own rules. DNS bypasses network ACLs.

resource "aws_network_acl" "public" {
  #checkov:skip=CKV_AWS_231:a NAT gateway receives responses on any port from 1024, including 3389, and accepts no connection
  subnet_ids = values(aws_subnet.public)[*].id
  vpc_id     = aws_vpc.this.id

  ingress {
    action     = "allow"
    cidr_block = var.cidr
    from_port  = 443
    protocol   = "tcp"
    rule_no    = 100
    to_port    = 443
  }

  ingress {
    action     = "allow"
    cidr_block = "0.0.0.0/0"
    from_port  = 1024
    protocol   = "tcp"
    rule_no    = 200
    to_port    = 65535
  }

  egress {
    action     = "allow"
    cidr_block = "0.0.0.0/0"
    from_port  = 443
    protocol   = "tcp"
    rule_no    = 100
    to_port    = 443
  }

  egress {
    action     = "allow"
    cidr_block = var.cidr
    from_port  = 1024
    protocol   = "tcp"
    rule_no    = 200
    to_port    = 65535
  }

  tags = merge(var.tags, { Name = "${var.name}-public" })
}

resource "aws_network_acl" "private" {
  #checkov:skip=CKV_AWS_231:functions receive responses on any port from 1024, including 3389, and accept no connection
  subnet_ids = values(aws_subnet.private)[*].id
  vpc_id     = aws_vpc.this.id

  ingress {
    action     = "allow"
    cidr_block = var.cidr
    from_port  = 443
    protocol   = "tcp"
    rule_no    = 100
    to_port    = 443
  }

  # Responses to functions, also from the public addresses of DynamoDB and S3, since an endpoint
  # changes the route but not the address.
  # Lambda's connections use any source port from 1024.
  ingress {
    action     = "allow"
    cidr_block = "0.0.0.0/0"
    from_port  = 1024
    protocol   = "tcp"
    rule_no    = 200
    to_port    = 65535
  }

  egress {
    action     = "allow"
    cidr_block = "0.0.0.0/0"
    from_port  = 443
    protocol   = "tcp"
    rule_no    = 100
    to_port    = 443
  }

  egress {
    action     = "allow"
    cidr_block = var.cidr
    from_port  = 1024
    protocol   = "tcp"
    rule_no    = 200
    to_port    = 65535
  }

  tags = merge(var.tags, { Name = "${var.name}-private" })
}

resource "aws_security_group" "functions" {
  #checkov:skip=CKV2_AWS_5:modules/function attaches it through a variable, which checkov's graph does not follow
  name        = "${var.name}-functions"
  description = "Lambda functions of ${var.name}"
  vpc_id      = aws_vpc.this.id

  tags = merge(var.tags, { Name = "${var.name}-functions" })
}

resource "aws_vpc_security_group_egress_rule" "gateway" {
  for_each = aws_vpc_endpoint.gateway

  description       = "To ${each.key}, over its gateway endpoint"
  from_port         = 443
  ip_protocol       = "tcp"
  prefix_list_id    = each.value.prefix_list_id
  security_group_id = aws_security_group.functions.id
  tags              = var.tags
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "interface" {
  count = length(var.endpoints) == 0 ? 0 : 1

  description                  = "To interface endpoints"
  from_port                    = 443
  ip_protocol                  = "tcp"
  referenced_security_group_id = aws_security_group.endpoints[0].id
  security_group_id            = aws_security_group.functions.id
  tags                         = var.tags
  to_port                      = 443
}

# A separate group, which only functions with access to the internet have in addition to the functions' group.
resource "aws_security_group" "egress" {
  #checkov:skip=CKV2_AWS_5:modules/function attaches it through a variable, which checkov's graph does not follow
  count = var.nat == "none" ? 0 : 1

  name        = "${var.name}-egress"
  description = "Lambda functions of ${var.name} that reach the internet"
  vpc_id      = aws_vpc.this.id

  tags = merge(var.tags, { Name = "${var.name}-egress" })
}

resource "aws_vpc_security_group_egress_rule" "internet" {
  count = var.nat == "none" ? 0 : 1

  cidr_ipv4         = "0.0.0.0/0"
  description       = "To the internet, over NAT"
  from_port         = 443
  ip_protocol       = "tcp"
  security_group_id = aws_security_group.egress[0].id
  tags              = var.tags
  to_port           = 443
}

resource "aws_security_group" "endpoints" {
  count = length(var.endpoints) == 0 ? 0 : 1

  name        = "${var.name}-endpoints"
  description = "Interface endpoints of ${var.name}"
  vpc_id      = aws_vpc.this.id

  tags = merge(var.tags, { Name = "${var.name}-endpoints" })
}

resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  count = length(var.endpoints) == 0 ? 0 : 1

  description                  = "From the functions"
  from_port                    = 443
  ip_protocol                  = "tcp"
  referenced_security_group_id = aws_security_group.functions.id
  security_group_id            = aws_security_group.endpoints[0].id
  tags                         = var.tags
  to_port                      = 443
}
