variable "created_index" {
  description = "Whether lists come in the order of createdAt."
  type        = bool
}

variable "customer_key" {
  description = "Whether kms_key_arn encrypts: known before the key is."
  type        = bool
}

variable "deletion_protection" {
  description = "Whether the table refuses to be deleted."
  type        = bool
}

variable "expiry" {
  description = "Whether DynamoDB deletes items once the time in their attribute `expires` has passed."
  type        = bool
}

variable "filters" {
  description = "What lists are filtered on, each by an index: its name and its hash key's, the attribute its items are sorted by, and whether that is a number."
  type        = map(object({ index = string, number = bool, range = string }))
}

variable "kms_key_arn" {
  description = "The key that encrypts the table, or null for one that AWS owns."
  type        = string
}

variable "name" {
  description = "Name of the table."
  type        = string
}

variable "tags" {
  description = "Tags for each resource, beside those that the provider adds by itself; null for none."
  type        = map(string)
}
