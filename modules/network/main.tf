# Zones by name, regardless of their state, so that an outage does not move the subnets. The pattern excludes Local Zones.
data "aws_availability_zones" "this" {
  # Lambda has no capacity in these zones and refuses their subnets. Their letters differ between accounts.
  exclude_zone_ids = ["use1-az3"]

  filter {
    name   = "zone-name"
    values = [for letter in ["a", "b", "c", "d", "e", "f"] : "${var.scope.region}${letter}"]
  }

  lifecycle {
    postcondition {
      condition = length(self.names) >= length(local.private_cidrs)
      error_message = join(" ", [
        "network: ${var.scope.region} has ${length(self.names)} usable zones. Write at most that many private_subnets and public_subnets.",
      ])
    }
  }
}

locals {
  # Two zones by default. In 10.0.0.0/16, the public subnets are 10.0.1.0/24 and 10.0.3.0/24, the
  # private ones 10.0.2.0/24 and 10.0.4.0/24.
  public_cidrs  = coalesce(var.public_subnets, [for n in [1, 3] : cidrsubnet(var.cidr, 8, n)])
  private_cidrs = coalesce(var.private_subnets, [for n in [2, 4] : cidrsubnet(var.cidr, 8, n)])

  zones = { for i, cidr in local.private_cidrs :
    sort(data.aws_availability_zones.this.names)[i] => { private = cidr, public = local.public_cidrs[i] }
  }
  zone_names = keys(local.zones)

  # For each zone, the zone whose NAT gateway it uses.
  nat_zones = var.nat == "none" ? {} : { for zone in local.zone_names : zone => var.nat == "single" ? local.zone_names[0] : zone }
}

resource "aws_vpc" "this" {
  cidr_block           = var.cidr
  enable_dns_hostnames = true
  enable_dns_support   = true

  tags = merge(var.tags, { Name = var.name })
}

# Adopted without rules, so that anything in the VPC without its own security group reaches nothing.
resource "aws_default_security_group" "this" {
  vpc_id = aws_vpc.this.id

  tags = merge(var.tags, { Name = "${var.name}-default-unused" })
}

resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id

  tags = merge(var.tags, { Name = var.name })
}

resource "aws_subnet" "public" {
  for_each = local.zones

  availability_zone = each.key
  cidr_block        = each.value.public
  vpc_id            = aws_vpc.this.id

  tags = merge(var.tags, { Name = "${var.name}-public-${each.key}" })
}

resource "aws_subnet" "private" {
  for_each = local.zones

  availability_zone = each.key
  cidr_block        = each.value.private
  vpc_id            = aws_vpc.this.id

  tags = merge(var.tags, { Name = "${var.name}-private-${each.key}" })
}

resource "aws_eip" "nat" {
  for_each = toset(values(local.nat_zones))

  domain = "vpc"

  tags = merge(var.tags, { Name = "${var.name}-nat-${each.key}" })
}

resource "aws_nat_gateway" "this" {
  for_each = aws_eip.nat

  allocation_id = aws_eip.nat[each.key].id
  subnet_id     = aws_subnet.public[each.key].id

  tags = merge(var.tags, { Name = "${var.name}-${each.key}" })

  # AWS refuses a NAT gateway in a VPC without an internet gateway.
  depends_on = [aws_internet_gateway.this]
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.this.id

  tags = merge(var.tags, { Name = "${var.name}-public" })
}

resource "aws_route" "internet" {
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this.id
  route_table_id         = aws_route_table.public.id
}

resource "aws_route_table_association" "public" {
  for_each = aws_subnet.public

  route_table_id = aws_route_table.public.id
  subnet_id      = each.value.id
}

# One per zone, so that each zone can use its own NAT gateway, and the failure of one does not cut off
# the others.
resource "aws_route_table" "private" {
  for_each = local.zones

  vpc_id = aws_vpc.this.id

  tags = merge(var.tags, { Name = "${var.name}-private-${each.key}" })
}

resource "aws_route" "nat" {
  for_each = local.nat_zones

  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.this[each.value].id
  route_table_id         = aws_route_table.private[each.key].id
}

resource "aws_route_table_association" "private" {
  for_each = aws_subnet.private

  route_table_id = aws_route_table.private[each.key].id
  subnet_id      = each.value.id
}
