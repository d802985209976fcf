variable "domains" {
  description = <<-EOT
    The domains that CI may configure for the API, by environment, as in the tfvars: name, zone_id if Trestle creates the certificate and
    the DNS records, and truststore.
  EOT
  type        = map(object({ name = string, truststore = optional(string), zone_id = optional(string) }))
  default     = {}
  nullable    = false

  validation {
    condition = length(setsubtract(keys(var.domains), var.environments)) == 0
    error_message = join(" ", [
      "domains: there is no environment ${join(", ", [for name in setsubtract(keys(var.domains), var.environments) : "\"${name}\""])}.",
      "Write one of environments: ${join(", ", var.environments)}.",
    ])
  }

  validation {
    condition = alltrue([for d in values(var.domains) : can(regex("^[a-z0-9.-]+$", d.name))])
    error_message = join(" ", [for environment, d in var.domains :
      "domains.${environment}.name: ${jsonencode(d.name)} is not a name in lower-case letters. Write one such as \"api.example.com\"."
      if !can(regex("^[a-z0-9.-]+$", d.name))
    ])
  }

  validation {
    condition = alltrue([for d in values(var.domains) : try(d.zone_id == null || can(regex("^Z[A-Z0-9]+$", d.zone_id)), false)])
    error_message = join(" ", [for environment, d in var.domains :
      join(" ", [
        "domains.${environment}.zone_id: ${jsonencode(d.zone_id)} is not the id of a hosted zone. Write one such as",
        "\"Z0123456789ABCDEFGHIJ\".",
      ]) if !(try(d.zone_id == null || can(regex("^Z[A-Z0-9]+$", d.zone_id)), false))
    ])
  }

  validation {
    condition = alltrue([for d in values(var.domains) :
      try(d.truststore == null || can(regex("^s3://[^*?/]+/[^*?]+$", d.truststore)), false)
    ])
    error_message = join(" ", [for environment, d in var.domains :
      "domains.${environment}.truststore: ${jsonencode(d.truststore)} is not an object in S3. Write s3://BUCKET/KEY."
      if !(try(d.truststore == null || can(regex("^s3://[^*?/]+/[^*?]+$", d.truststore)), false))
    ])
  }
}

variable "environments" {
  description = <<-EOT
    The environments that CI deploys. They have the same names in their tfvars, in their state's file and on GitHub. Each has its own role.
  EOT
  type        = set(string)
  default     = ["dev", "prod", "staging"]
  nullable    = false

  validation {
    condition     = length(var.environments) > 0
    error_message = "environments is empty. Write at least one, such as [\"prod\"]."
  }

  validation {
    condition = alltrue([for name in var.environments : can(regex(local.name_pattern, name)) && length(name) <= 20])
    error_message = join(" ", [for name in [for name in var.environments : name == null ? "" : name] : join("", [
      "environments: \"${name}\" ",
      name == "" ? "is empty" :
      can(regex("[^a-z0-9-]", name)) ?
      "contains ${lookup(local.character_names, regex("[^a-z0-9-]", name), "\"${regex("[^a-z0-9-]", name)}\"")}" :
      !can(regex("^[a-z]", name)) ? "does not begin with a letter" :
      endswith(name, "-") ? "ends in a hyphen" :
      length(name) == 1 ? "has one character" :
      "has ${length(name)} characters",
      ". Write 2 to 20 lower-case letters, digits and hyphens, a letter first, such as \"dev\"."
    ]) if !can(regex(local.name_pattern, name)) || length(name) > 20])
  }

  # Names of resources end in the environment's name, or in that and the region. IAM distinguishes
  # environments only by this.
  validation {
    condition = alltrue(flatten([for name in var.environments : [
      [for other in setunion(var.environments, ["flow-logs"]) : name == other || !endswith(other, "-${name}")],
      [for other in var.environments :
        name == other || !endswith("-${other}-${var.region}", "-${name}") && !endswith("-${other}", "-${name}-${var.region}")
      ],
      name != "flow-logs",
    ]]))
    error_message = join(" ", [
      "environments: a name ends in a hyphen and another one's name, differs from another one only by the region at its end, or is",
      "\"logs\" or \"flow-logs\". The role of one environment could then change the other. Rename one of them.",
    ])
  }
}

variable "function_statements" {
  description = <<-EOT
    The maximum permissions of your own functions, besides tables and queues of their environment, and secrets with the system's tags
    Project and Environment. Write the actions and resources in the `statements` and `secrets` of your functions.
  EOT
  type        = list(object({ actions = set(string), resources = set(string) }))
  default     = []
  nullable    = false

  validation {
    condition = alltrue([for s in var.function_statements :
      try(length(s.actions) > 0 && length(s.resources) > 0 && alltrue([for action in s.actions :
        can(regex("^[a-z0-9-]+:[A-Za-z0-9*]+$", action)) && !startswith(action, "iam:")
      ]), false)
    ])
    error_message = join(" ", [
      "function_statements: each needs actions such as \"ses:SendEmail\", none of them of IAM, and ARNs of resources. Write [{ actions =",
      "[\"ses:SendEmail\"], resources = [\"arn:aws:ses:us-west-2:123456789012:identity/example.com\"] }].",
    ])
  }
}

variable "key_arns" {
  description = <<-EOT
    The ARNs of existing keys with which systems encrypt (encryption.key_arn). CI and the roles that it creates may use these keys, but not
    change them. Keys that Trestle creates are identified by their tags.
  EOT
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition = alltrue([for arn in var.key_arns : can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", arn))])
    error_message = join(" ", [for arn in var.key_arns :
      "key_arns: ${jsonencode(arn)} is not the ARN of a key. Write arn:aws:kms:REGION:ACCOUNT:key/ID."
      if !can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", arn))
    ])
  }
}

variable "log_bucket" {
  description = <<-EOT
    The name of an existing bucket of this account and region that gets the state bucket's access log, and to which deploy roles may let
    CloudFront write that of the website: the log_bucket of your tfvars. Null for none.
  EOT
  type        = string
  default     = null

  validation {
    condition = (
      var.log_bucket == null ||
      can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.log_bucket)) && !can(regex("[.]{2}", var.log_bucket))
    )
    error_message = "log_bucket: ${jsonencode(var.log_bucket)} is not a bucket's name. Write a name such as \"example-access-logs\"."
  }
}

variable "name" {
  description = "The systems' name, as in their tfvars. Names of resources that CI may deploy begin with it."
  type        = string
  default     = "trestle"
  nullable    = false

  validation {
    condition = can(regex(local.name_pattern, var.name)) && length(var.name) <= 20 && !can(regex(local.reserved_name, var.name))
    error_message = join("", [
      "name: \"${var.name}\" ",
      var.name == "" ? "is empty" :
      can(regex("[^a-z0-9-]", var.name)) ?
      "contains ${lookup(local.character_names, regex("[^a-z0-9-]", var.name), "\"${regex("[^a-z0-9-]", var.name)}\"")}" :
      !can(regex("^[a-z]", var.name)) ? "does not begin with a letter" :
      endswith(var.name, "-") ? "ends in a hyphen" :
      length(var.name) == 1 ? "has one character" :
      length(var.name) > 20 ? "has ${length(var.name)} characters" :
      "begins with \"${try(regex(local.reserved_name, var.name), "")}\", which AWS does not allow in names of buckets or security groups",
      ". Write 2 to 20 lower-case letters, digits and hyphens, a letter first, such as \"shop\"."
    ])
  }
}

variable "oidc_provider_arn" {
  description = "The ARN of GitHub's identity provider if the account already has it, since an account can have only one. Null creates it."
  type        = string
  default     = null

  validation {
    condition = (
      try(
        can(regex("^arn:[a-z-]+:iam::[0-9]{12}:oidc-provider/token\\.actions\\.githubusercontent\\.com$", var.oidc_provider_arn)), false
      ) ||
      var.oidc_provider_arn == null
    )
    error_message = join(" ", [
      "oidc_provider_arn: ${jsonencode(var.oidc_provider_arn)} is not the ARN of GitHub's identity provider. Write",
      "arn:aws:iam::ACCOUNT:oidc-provider/token.actions.githubusercontent.com, or leave it out to create it.",
    ])
  }
}

variable "region" {
  description = "The region of the state bucket, to which CI also deploys."
  type        = string
  default     = "us-west-2"
  nullable    = false

  validation {
    condition = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = join(" ", [
      "region: \"${var.region}\"",
      "${can(regex("^[a-z]{2}(-[a-z]+)+-[0-9][a-z]$", var.region)) ? "is an availability zone" : "is not a region's code"}. Write a region",
      "such as \"${try(regex("^[a-z]{2}(?:-[a-z]+)+-[0-9]", var.region), "us-west-2")}\".",
    ])
  }
}

variable "repository" {
  description = "The GitHub repository that deploys, as owner/name. Null creates no roles for CI."
  type        = string
  default     = null

  validation {
    condition     = var.repository == null || can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.repository))
    error_message = "repository: ${jsonencode(var.repository)} is not a repository on GitHub. Write owner/name, such as \"octo-org/shop\"."
  }
}

variable "vpc_ids" {
  description = <<-EOT
    The ids of existing VPCs in which systems run (network.vpc_id). CI may create security groups there even if the VPC has another system's
    tags, but not change the VPC itself.
  EOT
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition = alltrue([for id in var.vpc_ids : can(regex("^vpc-[0-9a-f]+$", id))])
    error_message = join(" ", [for id in var.vpc_ids :
      "vpc_ids: ${jsonencode(id)} is not the id of a VPC. Write one such as \"vpc-0a1b2c3d\"." if !can(regex("^vpc-[0-9a-f]+$", id))
    ])
  }
}
