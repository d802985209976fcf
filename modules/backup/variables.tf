variable "daily_days" {
  description = "How long each day's recovery points are kept, in days."
  type        = number
}

variable "deletion_protection" {
  description = "Whether nobody may delete recovery points or the vault."
  type        = bool
}

variable "environment" {
  description = "The environment, which ends the names of vault, plan and roles."
  type        = string
}

variable "kms_key_arn" {
  description = "The key that encrypts the vault, and the tables."
  type        = string
}

variable "monthly_days" {
  description = "How long those of the first day of each month are kept, in days, or null for none."
  type        = number
}

variable "name" {
  description = "Name of the system, which begins the names of vault, plan and roles."
  type        = string
}

variable "permissions_boundary" {
  description = "ARN of the policy that bounds the roles, or null for none."
  type        = string
}

variable "scope" {
  description = "The account, region, partition and DNS suffix of AWS that ARNs and service names are composed of."
  type        = object({ account_id = string, dns_suffix = string, partition = string, region = string })
}

variable "table_arns" {
  description = "The tables that are backed up."
  type        = list(string)
}

variable "tags" {
  description = "Tags for each resource, beside those that the provider adds by itself; null for none."
  type        = map(string)
}
