variable "console" {
  description = "Whether a distribution forwards requests, with the distribution_header."
  type        = bool
}

variable "countries" {
  description = "The codes of the countries that may call; empty for all."
  type        = set(string)
}

variable "kms_key_arn" {
  description = "The key that encrypts the log group, or null for one that AWS owns."
  type        = string
}

variable "log_retention_days" {
  description = "The days for which the log group keeps its events."
  type        = number
}

variable "name" {
  description = "The name of the web ACL, and the prefix of its metrics."
  type        = string
}

variable "rate_limit" {
  description = "The number of requests that an address may send within five minutes."
  type        = number
}

variable "tags" {
  description = "Tags for all resources, besides those that the provider adds itself; null for none."
  type        = map(string)
}

variable "web_acl_scope" {
  description = "REGIONAL for an API's stage, CLOUDFRONT for a distribution (only in us-east-1)."
  type        = string
}
