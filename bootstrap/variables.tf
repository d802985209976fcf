variable "environments" {
  description = "Environments of the repository on GitHub whose jobs may deploy."
  type        = set(string)
  default     = ["dev", "prod", "staging"]
  nullable    = false

  validation {
    condition     = length(var.environments) > 0 && alltrue([for name in var.environments : can(regex("^[A-Za-z0-9_-]+$", name))])
    error_message = "environments: name at least one of the repository's environments, in letters, digits, _ and -, such as \"prod\"."
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
