variable "environments" {
  description = "Environments that CI deploys, called the same in their tfvars, in their state's file and on GitHub. Each has a role of its own."
  type        = set(string)
  default     = ["dev", "prod", "staging"]
  nullable    = false

  validation {
    condition     = length(var.environments) > 0 && alltrue([for name in var.environments : can(regex("^[a-z][a-z0-9-]{0,18}[a-z0-9]$", name))])
    error_message = "environments: name at least one as its tfvars does, in 2 to 20 lower-case letters, digits and hyphens, such as \"prod\"."
  }

  # Names end in the environment's, or in that and the region, and IAM tells environments apart by nothing else.
  validation {
    condition = alltrue(flatten([for name in var.environments : [
      [for other in setunion(var.environments, ["flow-logs"]) : name == other || !endswith(other, "-${name}")],
      [for other in var.environments : name == other || !endswith("-${other}-${var.region}", "-${name}") && !endswith("-${other}", "-${name}-${var.region}")],
      name != "flow-logs",
    ]]))
    error_message = "environments: none may end in a hyphen and another one's name, differ from another one by the region at its end, nor be \"logs\": the role of one would reach the other. Rename one of them."
  }
}

variable "name" {
  description = "The systems' name, as in their tfvars: what CI may deploy begins with it."
  type        = string
  default     = "trestle"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,18}[a-z0-9]$", var.name))
    error_message = "name: write 2 to 20 lower-case letters, digits and hyphens, a letter first, such as \"shop\"."
  }
}

variable "oidc_provider_arn" {
  description = "GitHub's identity provider, if the account has it already: there can be one alone. Null makes it."
  type        = string
  default     = null

  validation {
    condition     = try(can(regex("^arn:[a-z-]+:iam::[0-9]{12}:oidc-provider/token\\.actions\\.githubusercontent\\.com$", var.oidc_provider_arn)), false) || var.oidc_provider_arn == null
    error_message = "oidc_provider_arn: write arn:aws:iam::ACCOUNT:oidc-provider/token.actions.githubusercontent.com, or leave it out to have it made."
  }
}

variable "region" {
  description = "The region of the state bucket, and the one CI deploys to."
  type        = string
  default     = "us-west-2"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region: write a region's code, such as \"us-west-2\"."
  }
}

variable "repository" {
  description = "The repository on GitHub that deploys, as owner/name. Null makes no role for CI."
  type        = string
  default     = null

  validation {
    condition     = var.repository == null || can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.repository))
    error_message = "repository: write owner/name, such as \"octo-org/shop\"."
  }
}
