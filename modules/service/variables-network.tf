variable "network" {
  description = <<-EOT
    The functions' VPC: a new one, an existing one, or null for none.
    cidr: the VPC's addresses, from a /16 to a /20; 10.0.0.0/16 by default.
    endpoints: the AWS services with interface endpoints, such as "kms". Each costs about 7 dollars a month and zone. DynamoDB and S3
      always have gateway endpoints, which are free.
    nat: NAT gateways to the internet: "none", "single" (about 33 dollars a month) or "per_az" (33 dollars for each zone).
    private_subnets, public_subnets: one CIDR block per zone; by default two of each, taken from cidr.
    vpc_id, subnet_ids: an existing VPC, and its subnets for the functions, in at least two zones. Trestle creates only security groups
      there. Endpoints, routes and NAT are the owner's, and `make preflight` checks them. Both may come from the same apply.
  EOT
  type = object({
    cidr            = optional(string)
    endpoints       = optional(set(string))
    nat             = optional(string)
    private_subnets = optional(list(string))
    public_subnets  = optional(list(string))
    subnet_ids      = optional(list(string))
    vpc_id          = optional(string)
  })
  default = {}

  validation {
    condition = try(var.network.cidr, null) == null || try(
      can(cidrnetmask(var.network.cidr)) &&
      cidrhost(var.network.cidr, 0) == split("/", var.network.cidr)[0] &&
      contains(range(16, 21), tonumber(split("/", var.network.cidr)[1])) &&
      !can(regex(local.reserved_cidr, var.network.cidr)),
      false
    )
    error_message = join("", [
      "network: ${try("\"${var.network.cidr}\"", "null")} ",
      !can(cidrnetmask(var.network.cidr)) ? "is not an IPv4 network" :
      can(regex(local.reserved_cidr, var.network.cidr)) ? "is in a range that a VPC cannot have" :
      try(cidrhost(var.network.cidr, 0), "") != try(split("/", var.network.cidr)[0], "") ?
      "does not begin at its first address, ${try(cidrhost(var.network.cidr, 0), "")}" :
      "is not from /16 to /20",
      ". Write a cidr such as \"10.0.0.0/16\"."
    ])
  }

  validation {
    condition     = try(var.network.nat, null) == null || try(contains(["none", "per_az", "single"], var.network.nat), false)
    error_message = "network: nat is ${try("\"${var.network.nat}\"", "null")}. Write \"none\", \"single\" or \"per_az\"."
  }

  validation {
    condition = alltrue([for cidr in try(concat(coalesce(var.network.private_subnets, []), coalesce(var.network.public_subnets, [])), []) :
      try(
        can(cidrnetmask(cidr)) && cidrhost(cidr, 0) == split("/", cidr)[0] && contains(range(16, 29), tonumber(split("/", cidr)[1])), false
      )
    ])
    error_message = join(" ",
      [for cidr in try(concat(coalesce(var.network.private_subnets, []), coalesce(var.network.public_subnets, [])), []) :
        join(" ", [
          "network: ${try("\"${cidr}\"", "null")} is not an IPv4 network from /16 to /28, written with its first address. Write subnets",
          "such as \"10.0.2.0/24\".",
        ])
        if !try(
          can(cidrnetmask(cidr)) && cidrhost(cidr, 0) == split("/", cidr)[0] &&
          contains(range(16, 29), tonumber(split("/", cidr)[1])), false
        )
    ])
  }

  validation {
    condition = alltrue(flatten([for vpc in [try(coalesce(var.network.cidr), "10.0.0.0/16")] :
      [for cidr in try(concat(coalesce(var.network.private_subnets, []), coalesce(var.network.public_subnets, [])), []) :
        try(
          cidrhost(join("/", [split("/", cidr)[0], split("/", vpc)[1]]), 0) == split("/", vpc)[0] &&
          split("/", cidr)[1] >= split("/", vpc)[1],
          true
        )
      ]
    ]))
    error_message = join(" ", flatten([for vpc in [try(coalesce(var.network.cidr), "10.0.0.0/16")] :
      [for cidr in try(concat(coalesce(var.network.private_subnets, []), coalesce(var.network.public_subnets, [])), []) :
        "network: the subnet \"${cidr}\" is not within the VPC's cidr, \"${vpc}\". Write one that is."
        if !try(
          cidrhost(join("/", [split("/", cidr)[0], split("/", vpc)[1]]), 0) == split("/", vpc)[0] &&
          split("/", cidr)[1] >= split("/", vpc)[1],
          true
        )
      ]
    ]))
  }

  # Two networks overlap if they are equal with the shorter of their prefixes.
  validation {
    condition = alltrue(flatten(
      [for subnets in [try(concat(coalesce(var.network.private_subnets, []), coalesce(var.network.public_subnets, [])), [])] :
        [for i, a in subnets : [for j, b in subnets :
          !try(length(distinct([for cidr in [a, b] :
          cidrhost(join("/", [split("/", cidr)[0], min([for each in [a, b] : tonumber(split("/", each)[1])]...)]), 0)])) == 1, false)
          if i < j
    ]]]))
    error_message = join(" ", distinct(flatten(
      [for subnets in [try(concat(coalesce(var.network.private_subnets, []), coalesce(var.network.public_subnets, [])), [])] :
        [for i, a in subnets : [for j, b in subnets :
          "network: the subnets \"${a}\" and \"${b}\" overlap. Give each its own addresses."
          if i < j && try(length(distinct([for cidr in [a, b] :
          cidrhost(join("/", [split("/", cidr)[0], min([for each in [a, b] : tonumber(split("/", each)[1])]...)]), 0)])) == 1, false)
    ]]])))
  }

  validation {
    condition = try(
      length(var.network.private_subnets) == length(var.network.public_subnets) && length(var.network.private_subnets) > 0,
      var.network.private_subnets == null && var.network.public_subnets == null,
      var.network == null
    )
    error_message = join(" ", [
      "network: write both private_subnets and public_subnets, one of each per zone, or neither: a NAT gateway in a zone's public subnet",
      "serves the private one.",
    ])
  }

  validation {
    condition = alltrue([for service in try(coalesce(var.network.endpoints), []) : can(regex(local.service_pattern, service))])
    error_message = join(" ", [for service in try(coalesce(var.network.endpoints), []) :
      "network.endpoints: ${try("\"${service}\"", "null")} is not the name of an AWS service. Write names such as \"kms\" or \"ecr.api\"."
      if !can(regex(local.service_pattern, service))
    ])
  }

  validation {
    condition     = length(setintersection(try(coalesce(var.network.endpoints), []), ["dynamodb", "s3"])) == 0
    error_message = "network: DynamoDB and S3 already have gateway endpoints, which cost nothing. Leave them out of endpoints."
  }

  # Trestle does not change these in an existing VPC.
  validation {
    condition = length([for attribute in ["cidr", "endpoints", "nat", "private_subnets", "public_subnets"] : attribute
      if(try(var.network.vpc_id, null) != null || try(var.network.subnet_ids, null) != null) && try(var.network[attribute], null) != null
    ]) == 0
    error_message = join(" ", [
      "network: ${join(", ", [for attribute in ["cidr", "endpoints", "nat", "private_subnets", "public_subnets"] : attribute
        if try(var.network[attribute], null) != null
      ])} cannot be set beside vpc_id, because an existing VPC has its own addresses, endpoints and routes. Leave out vpc_id and",
      "subnet_ids so that Trestle creates a VPC, or leave out the others.",
    ])
  }

  validation {
    condition = try((var.network.vpc_id == null) == (var.network.subnet_ids == null), var.network == null)
    error_message = join(" ", [
      "network: an existing VPC needs both vpc_id and subnet_ids. Write the VPC's id, and the ids of the subnets that functions run in.",
    ])
  }

  validation {
    condition     = try(var.network.vpc_id, null) == null || can(regex("^vpc-[0-9a-f]+$", var.network.vpc_id))
    error_message = "network: vpc_id is ${try("\"${var.network.vpc_id}\"", "null")}. Write an id such as \"vpc-0a1b2c3d4e5f60718\"."
  }

  validation {
    condition = try(var.network.subnet_ids, null) == null || try(
      length(var.network.subnet_ids) > 0 && alltrue([for id in var.network.subnet_ids : can(regex("^subnet-[0-9a-f]+$", id))]), false
    )
    error_message = join(" ", [
      "network: subnet_ids is ${jsonencode(try(var.network.subnet_ids, null))}. Write the ids of subnets, such as",
      "[\"subnet-0a1b2c3d4e5f60718\", \"subnet-0b2c3d4e5f6071829\"], in two zones or more.",
    ])
  }

  validation {
    condition = try(length(distinct(var.network.subnet_ids)) == length(var.network.subnet_ids), true)
    error_message = join(" ", [
      "network: subnet_ids has ${join(", ", [for id in distinct(try(coalesce(var.network.subnet_ids), [])) : "\"${id}\""
        if length([for other in try(coalesce(var.network.subnet_ids), []) : other if other == id]) > 1
      ])} twice. Write each subnet once, in two zones or more.",
    ])
  }

  # https://docs.aws.amazon.com/lambda/latest/api/API_VpcConfig.html
  validation {
    condition = try(length(var.network.subnet_ids) <= 16, true)
    error_message = join(" ", [
      "network: subnet_ids has ${try(length(var.network.subnet_ids), 0)} subnets, and Lambda allows 16 for a function. Write one or two",
      "for each zone.",
    ])
  }
}

variable "waf" {
  description = <<-EOT
    A web application firewall for the API, or null for none. It limits requests by address, refuses known attacks, and counts callers
    that hide behind VPNs and proxies. It costs 8 dollars a month, one more each with countries and with website, and 0.60 per million
    requests.
    countries: the countries that may call, by codes such as "DE"; empty for all.
    rate_limit: the number of requests that an address may send within five minutes.
  EOT
  type = object({
    countries  = optional(set(string), [])
    rate_limit = optional(number, 2000)
  })
  default = null

  validation {
    condition = try(length(setsubtract(var.waf.countries, local.countries)) == 0, var.waf == null)
    error_message = join(" ", [
      "waf: there is no country",
      "${join(", ", [for code in try(setsubtract(var.waf.countries, local.countries), []) : try("\"${code}\"", "null")])}. Write ISO 3166",
      "codes of two capital letters, such as [\"DE\", \"FR\"].",
    ])
  }

  validation {
    condition = try(
      var.waf.rate_limit >= 10 && var.waf.rate_limit <= 2000000000 && floor(var.waf.rate_limit) == var.waf.rate_limit, var.waf == null
    )
    error_message = join(" ", [
      "waf: rate_limit is ${try(tostring(var.waf.rate_limit), "null")}. Write a whole number from 10 to 2000000000 requests in five",
      "minutes.",
    ])
  }
}
