variable "deletion_window_in_days" {
  description = "How long the key can be recovered once it is destroyed, in days."
  type        = number
}

variable "environment" {
  description = "The environment, the last part of its name."
  type        = string
}

variable "name" {
  description = "Name of the system, the first part of its name."
  type        = string
}

variable "scope" {
  description = "The account, region, partition and DNS suffix of AWS that ARNs and service names are composed of."
  type        = object({ account_id = string, dns_suffix = string, partition = string, region = string })
}

variable "services" {
  description = "Statements of the key's policy for the services that use it in nobody's name, as modules/key-policy has them."
  type        = any
}

variable "tags" {
  description = "Tags for each resource, beside those that the provider adds by itself; null for none."
  type        = map(string)
}
