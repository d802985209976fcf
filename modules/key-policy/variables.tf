variable "alarms" {
  description = "Whether alarms publish to a topic that the key encrypts."
  type        = bool
}

variable "environment" {
  description = "The environment, which ends the names of what the key encrypts."
  type        = string
}

variable "events" {
  description = "Whether rules of EventBridge send to queues that the key encrypts."
  type        = bool
}

variable "name" {
  description = "Name of the system, which begins the names of what the key encrypts."
  type        = string
}

variable "scope" {
  description = "The account, region, partition and DNS suffix of AWS that ARNs and service names are composed of."
  type        = object({ account_id = string, dns_suffix = string, partition = string, region = string })
}

variable "trail" {
  description = "Name of the trail whose records the key encrypts, or null without one."
  type        = string
}
