variable "code_signing_config_arn" {
  description = <<-EOT
    The ARN of an existing Lambda code signing configuration for all functions, or null for none. With the policy Warn, functions run
    unsigned packages, and Lambda counts a warning. With Enforce, packages have to be signed (docs/how-to/security-team.md).
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
  description = "The environment's name: the suffix of every resource's name, and the API's stage."
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
  description = "The system's name: the prefix of every resource's name."
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
      "begins with \"${try(regex(local.reserved_name, var.name), "")}\", which AWS does not allow in names of buckets or security groups",
      ". Write 2 to 20 lower-case letters, digits and hyphens, a letter first, such as \"shop\"."
    ])
  }
}

variable "permissions_boundary" {
  description = <<-EOT
    The ARN of a permissions boundary for all roles of the system, or null for none. CI's deploy role can create only roles with the
    boundary that bootstrap/ prints.
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
    Your project's folder, with schemas/, app/, dist/ and environments/. Write path.root if your root module is in that folder.
  EOT
  type        = string
  nullable    = false
}

variable "region" {
  description = "The AWS region of all resources."
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
  description = "At most 46 tags of all resources, besides Project, Environment and ManagedBy. Keys must differ by more than case."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition = length(setintersection([for key in keys(var.tags) : lower(key)], ["environment", "managedby", "project"])) == 0
    error_message = join(" ", [for key in keys(var.tags) :
      join(" ", [
        "tags: \"${key}\" is one of Project, Environment and ManagedBy, which Trestle sets; IAM does not distinguish upper and lower case.",
        "Leave it out.",
      ])
      if contains(["environment", "managedby", "project"], lower(key))
    ])
  }

  validation {
    condition = length(distinct([for key in keys(var.tags) : lower(key)])) == length(var.tags)
    error_message = join(" ", [for keys in values({ for key in keys(var.tags) : lower(key) => key... }) :
      "tags: ${join(" and ", [for key in keys : "\"${key}\""])} differ only in case, which IAM refuses. Keep one." if length(keys) > 1
    ])
  }

  # The rules of all services: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html
  validation {
    condition = alltrue([for key in keys(var.tags) :
      can(regex("^[${local.tag_characters}]{1,128}$", key)) && !startswith(lower(key), "aws:")
    ])
    error_message = join(" ", [for key in keys(var.tags) : join("", [
      "tags: the key \"${key}\" ",
      key == "" ? "is empty" :
      startswith(lower(key), "aws:") ? "begins with aws:, which AWS reserves" :
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
    # Trestle sets Project, Environment and ManagedBy, and Name in a VPC.
    condition     = length(var.tags) <= 46
    error_message = "tags: there are ${length(var.tags)}. A resource may have 50 tags, and Trestle sets four of them. Write at most 46."
  }
}
