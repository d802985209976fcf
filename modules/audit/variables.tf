variable "bucket" {
  description = "Name of the bucket for the records."
  type        = string
}

variable "deletion_protection" {
  description = "Whether nobody may delete records or the bucket, not even who may pass the lock."
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
  description = "How long records are locked and kept, in years."
  type        = number
}

variable "scope" {
  description = "The account, region, partition and DNS suffix of AWS that ARNs and service names are composed of."
  type        = object({ account_id = string, dns_suffix = string, partition = string, region = string })
}

variable "table_arns" {
  description = "The tables whose items' reads and writes are recorded."
  type        = list(string)
}

variable "tags" {
  description = "Tags for each resource, beside those that the provider adds by itself; null for none."
  type        = map(string)
}

variable "trail" {
  description = "Name of the trail."
  type        = string
}
