variable "console" {
  description = "Whether a distribution passes requests on, with the distribution_header."
  type        = bool
}

variable "countries" {
  description = "Codes of the countries that may call; empty for all."
  type        = set(string)
}

variable "kms_key_arn" {
  description = "The key that encrypts the log group, or null for one that AWS owns."
  type        = string
}

variable "log_retention_days" {
  description = "How long the log group keeps its events, in days."
  type        = number
}

variable "name" {
  description = "Name of the web ACL, and prefix of its metrics."
  type        = string
}

variable "rate_limit" {
  description = "Requests that an address may send within five minutes."
  type        = number
}

variable "tags" {
  description = "Tags for each resource, beside those that the provider adds by itself; null for none."
  type        = map(string)
}

variable "web_acl_scope" {
  description = "REGIONAL for a stage of an API, CLOUDFRONT for a distribution; the latter in us-east-1 alone."
  type        = string
}
