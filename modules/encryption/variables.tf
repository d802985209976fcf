variable "deletion_window_in_days" {
  description = "The days for which the key can be recovered after a destroy."
  type        = number
}

variable "environment" {
  description = "The environment, the suffix of the key's name."
  type        = string
}

variable "name" {
  description = "The system's name, the prefix of the key's name."
  type        = string
}

variable "scope" {
  description = "The AWS account, region, partition and DNS suffix, of which ARNs and service names are composed."
  type        = object({ account_id = string, dns_suffix = string, partition = string, region = string })
}

variable "services" {
  description = "The key policy's statements for services that use the key with their own permissions, from modules/key-policy."
  type        = any
}

variable "tags" {
  description = "Tags for all resources, besides those that the provider adds itself; null for none."
  type        = map(string)
}
