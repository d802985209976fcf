variable "bucket" {
  description = "The name of the bucket for the records."
  type        = string
}

variable "deletion_protection" {
  description = "Whether nobody may delete records or the bucket, not even principals that may bypass the lock."
  type        = bool
}

variable "kms_key_arn" {
  description = "The key that encrypts the records."
  type        = string
}

variable "log_bucket" {
  description = "The bucket that gets the access log of the bucket, or null for none."
  type        = string
}

variable "retention_years" {
  description = "The years for which records are locked and kept."
  type        = number
}

variable "scope" {
  description = "The AWS account, region, partition and DNS suffix, of which ARNs and service names are composed."
  type        = object({ account_id = string, dns_suffix = string, partition = string, region = string })
}

variable "table_arns" {
  description = "The tables whose reads and writes are recorded."
  type        = list(string)
}

variable "tags" {
  description = "Tags for all resources, besides those that the provider adds itself; null for none."
  type        = map(string)
}

variable "trail" {
  description = "The name of the trail."
  type        = string
}
