variable "alarms" {
  description = "Whether alarms publish to a topic that the key encrypts."
  type        = bool
}

variable "environment" {
  description = "The environment, the suffix of the encrypted resources' names."
  type        = string
}

variable "events" {
  description = "Whether EventBridge rules send to queues that the key encrypts."
  type        = bool
}

variable "name" {
  description = "The system's name, the prefix of the encrypted resources' names."
  type        = string
}

variable "scope" {
  description = "The AWS account, region, partition and DNS suffix, of which ARNs and service names are composed."
  type        = object({ account_id = string, dns_suffix = string, partition = string, region = string })
}

variable "trail" {
  description = "The name of the trail whose records the key encrypts, or null without one."
  type        = string
}
