variable "daily_days" {
  description = "The days for which each day's recovery points are kept."
  type        = number
}

variable "deletion_protection" {
  description = "Whether nobody may delete recovery points or the vault."
  type        = bool
}

variable "environment" {
  description = "The environment, the suffix of the names of vault, plan and roles."
  type        = string
}

variable "kms_key_arn" {
  description = "The key that encrypts the vault, and the tables."
  type        = string
}

variable "monthly_days" {
  description = "The days for which the recovery points of each month's first day are kept, or null for none."
  type        = number
}

variable "name" {
  description = "The system's name, the prefix of the names of vault, plan and roles."
  type        = string
}

variable "permissions_boundary" {
  description = "The ARN of the roles' permissions boundary, or null for none."
  type        = string
}

variable "scope" {
  description = "The AWS account, region, partition and DNS suffix, of which ARNs and service names are composed."
  type        = object({ account_id = string, dns_suffix = string, partition = string, region = string })
}

variable "table_arns" {
  description = "The tables to back up."
  type        = list(string)
}

variable "tags" {
  description = "Tags for all resources, besides those that the provider adds itself; null for none."
  type        = map(string)
}
