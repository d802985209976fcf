variable "attempts" {
  description = "How often a message is received before it goes to the dead-letter queue, from 1 to 1000."
  type        = number
}

variable "customer_key" {
  description = "Whether kms_key_arn encrypts: known before the key is."
  type        = bool
}

variable "dead_letters" {
  description = "Name of the dead-letter queue."
  type        = string
}

variable "kms_key_arn" {
  description = "The key that encrypts the messages, or null for one that SQS manages."
  type        = string
}

variable "name" {
  description = "Name of the work queue, or null for a dead-letter queue alone."
  type        = string
}

variable "retention" {
  description = "Seconds that the work queue keeps a message: less than the 14 days of the dead-letter queue, counted from the same time."
  type        = number
}

variable "rule_arns" {
  description = "EventBridge rules, as ARNs, that send to the queues."
  type        = list(string)
}

variable "scope" {
  description = "The account, region, partition and DNS suffix of AWS that ARNs and service names are composed of."
  type        = object({ account_id = string, dns_suffix = string, partition = string, region = string })
}

variable "tags" {
  description = "Tags for each resource, beside those that the provider adds by itself; null for none."
  type        = map(string)
}

variable "visibility_timeout" {
  description = "Seconds for which a received message is hidden from other consumers: longer than the consumer's timeout."
  type        = number
}
