variable "customer_key" {
  description = "Whether kms_key_arn encrypts the table. A plan knows this before it knows the key's ARN."
  type        = bool
}

variable "deletion_protection" {
  description = "Whether the table is protected from deletion."
  type        = bool
}

variable "expiry" {
  description = "The attribute with the time when an item expires, in seconds since 1970, and whether DynamoDB then deletes it."
  type        = object({ attribute = string, enabled = bool })
}

variable "indexes" {
  description = <<-EOT
    The indexes that lists read, by name. hash_key: the attribute of the hash key, a string. range_key and range_type: the attribute of the
    range key, and its type, N or S. projection: ALL or KEYS_ONLY.
  EOT
  type        = map(object({ hash_key = string, projection = optional(string, "ALL"), range_key = string, range_type = string }))
}

variable "key" {
  description = "The attribute that is the table's hash key."
  type        = string
}

variable "kms_key_arn" {
  description = "The key that encrypts the table, or null for one that AWS owns."
  type        = string
}

variable "name" {
  description = "The table's name."
  type        = string
}

variable "tags" {
  description = "Tags for all resources, besides those that the provider adds itself; null for none."
  type        = map(string)
}
