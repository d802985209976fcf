variable "attempts" {
  description = "The number of attempts before a message moves to the dead-letter queue, from 1 to 1000."
  type        = number
}

variable "customer_key" {
  description = "Whether kms_key_arn is set. Unlike the ARN of a new key, this is known at plan time."
  type        = bool
}

variable "dead_letters" {
  description = "The name of the dead-letter queue."
  type        = string
}

variable "kms_key_arn" {
  description = "The key that encrypts the messages, or null for one that SQS manages."
  type        = string
}

variable "name" {
  description = "The name of the work queue, or null for only a dead-letter queue."
  type        = string
}

variable "retention" {
  description = "The seconds for which the work queue keeps a message, fewer than the dead-letter queue's 14 days from the same time."
  type        = number
}

variable "rule_arns" {
  description = "The ARNs of EventBridge rules that send to the queues."
  type        = list(string)
}

variable "scope" {
  description = "The AWS account, region, partition and DNS suffix, of which ARNs and service names are composed."
  type        = object({ account_id = string, dns_suffix = string, partition = string, region = string })
}

variable "tags" {
  description = "Tags for all resources, besides those that the provider adds itself; null for none."
  type        = map(string)
}

variable "visibility_timeout" {
  description = "The seconds for which a received message is hidden from other consumers: longer than the consumer's timeout."
  type        = number
}
