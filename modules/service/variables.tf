variable "code_signing_config_arn" {
  description = <<-EOT
    ARN of an existing code signing configuration of Lambda for every function, or null for none. With the policy Warn, functions run
    unsigned packages as before, and Lambda counts a warning. With Enforce, packages have to be signed (docs/how-to/security-team.md).
  EOT
  type        = string
  default     = null

  validation {
    condition = (
      var.code_signing_config_arn == null ||
      can(regex("^arn:[a-z-]+:lambda:${var.region}:[0-9]{12}:code-signing-config:csc-[a-z0-9]{17}$", var.code_signing_config_arn))
    )
    error_message = join(" ", [
      "code_signing_config_arn: ${try("\"${var.code_signing_config_arn}\"", "null")} is not a code signing configuration of ${var.region}.",
      "Write arn:aws:lambda:${var.region}:ACCOUNT:code-signing-config:csc-ID, as `aws lambda list-code-signing-configs` shows it.",
    ])
  }
}

variable "environment" {
  description = "Names the environment: the suffix of every resource's name, and the API's stage."
  type        = string
  nullable    = false

  validation {
    condition = can(regex(local.name_pattern, var.environment)) && length(var.environment) <= 20
    error_message = join("", [
      "environment: \"${var.environment}\" ",
      var.environment == "" ? "is empty" :
      can(regex("[^a-z0-9-]", var.environment)) ?
      "contains ${lookup(local.character_names, regex("[^a-z0-9-]", var.environment), "\"${regex("[^a-z0-9-]", var.environment)}\"")}" :
      !can(regex("^[a-z]", var.environment)) ? "does not begin with a letter" :
      endswith(var.environment, "-") ? "ends in a hyphen" :
      length(var.environment) == 1 ? "has one character" :
      "has ${length(var.environment)} characters",
      ". Write 2 to 20 lower-case letters, digits and hyphens, a letter first, such as \"dev\"."
    ])
  }
}

variable "name" {
  description = "Names the system: the prefix of every resource's name."
  type        = string
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
      "begins with \"${try(regex(local.reserved_name, var.name), "")}\", which AWS does not take in names of buckets or security groups",
      ". Write 2 to 20 lower-case letters, digits and hyphens, a letter first, such as \"shop\"."
    ])
  }
}

variable "permissions_boundary" {
  description = <<-EOT
    ARN of a policy that bounds what the roles made here may ever do, or null for none. CI's deploy role makes no role without the one that
    bootstrap/ prints.
  EOT
  type        = string
  default     = null

  validation {
    condition = (
      var.permissions_boundary == null ||
      can(regex("^arn:[a-z-]+:iam::([0-9]{12}|aws):policy/[A-Za-z0-9+=,.@_/-]+$", var.permissions_boundary))
    )
    error_message = join(" ", [
      "permissions_boundary: ${try("\"${var.permissions_boundary}\"", "null")} is not the ARN of a policy. Write",
      "arn:aws:iam::ACCOUNT:policy/NAME, such as `make bootstrap` prints, or leave it out.",
    ])
  }
}

variable "project" {
  description = <<-EOT
    The folder of your project, which holds schemas/, app/, dist/ and environments/: path.root where the calling configuration is in it.
  EOT
  type        = string
  nullable    = false
}

variable "region" {
  description = "The AWS region everything is in."
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

variable "tags" {
  description = "Up to 46 tags of every resource, besides Project, Environment and ManagedBy. Keys may not differ by case alone."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition = length(setintersection([for key in keys(var.tags) : lower(key)], ["environment", "managedby", "project"])) == 0
    error_message = join(" ", [for key in keys(var.tags) :
      join(" ", [
        "tags: \"${key}\" is one of Project, Environment and ManagedBy, which are set from name and environment; IAM does not tell upper",
        "and lower case apart. Leave it out.",
      ])
      if contains(["environment", "managedby", "project"], lower(key))
    ])
  }

  validation {
    condition = length(distinct([for key in keys(var.tags) : lower(key)])) == length(var.tags)
    error_message = join(" ", [for keys in values({ for key in keys(var.tags) : lower(key) => key... }) :
      "tags: ${join(" and ", [for key in keys : "\"${key}\""])} differ by case alone, which IAM refuses. Leave one." if length(keys) > 1
    ])
  }

  # What every service takes: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html
  validation {
    condition = alltrue([for key in keys(var.tags) :
      can(regex("^[${local.tag_characters}]{1,128}$", key)) && !startswith(lower(key), "aws:")
    ])
    error_message = join(" ", [for key in keys(var.tags) : join("", [
      "tags: the key \"${key}\" ",
      key == "" ? "is empty" :
      startswith(lower(key), "aws:") ? "begins with aws:, which is AWS's own" :
      can(regex("[^${local.tag_characters}]", key)) ?
      "contains ${lookup(local.character_names, regex("[^${local.tag_characters}]", key), regex("[^${local.tag_characters}]", key))}" :
      "has ${length(key)} characters",
      ". Write up to 128 letters, digits, spaces and _ . : / = + - @."
    ]) if !can(regex("^[${local.tag_characters}]{1,128}$", key)) || startswith(lower(key), "aws:")])
  }

  validation {
    condition = alltrue([for value in values(var.tags) : can(regex("^[${local.tag_characters}]{0,256}$", value))])
    error_message = join(" ", [for key, value in var.tags : join("", [
      "tags.${key}: the value ",
      value == null ? "is null" :
      can(regex("[^${local.tag_characters}]", value)) ?
      "contains ${lookup(local.character_names, regex("[^${local.tag_characters}]", value), regex("[^${local.tag_characters}]", value))}" :
      "has ${length(value)} characters",
      ". Write up to 256 letters, digits, spaces and _ . : / = + - @."
    ]) if !can(regex("^[${local.tag_characters}]{0,256}$", value))])
  }

  validation {
    # Project, Environment and ManagedBy, and in a VPC Name.
    condition     = length(var.tags) <= 46
    error_message = "tags: there are ${length(var.tags)}. AWS takes 50 of a resource, and four are set beside yours: write at most 46."
  }
}
