variable "alarms" {
  description = <<-EOT
    The thresholds of the alarms by kind, 0 for no alarm of the kind, or null for no alarms at all.
    emails: the addresses that the topic notifies.
    requests: the minimum of requests in a period for alarms on rates and percentiles.
    topic_arn: an existing topic, or null to create one. A plan has to know whether it is null.
  EOT
  type = object({
    api_4xx              = number
    api_5xx              = number
    dead_letters         = number
    duration_percent     = number
    emails               = set(string)
    error_rate_percent   = number
    errors               = number
    iterator_age_seconds = number
    latency_p99_ms       = number
    message_age_seconds  = number
    requests             = number
    table_system_errors  = number
    table_throttles      = number
    throttles            = number
    topic_arn            = string
  })
}

variable "api" {
  description = "The API: its name, its stage, and the group of its access log."
  type        = object({ log_group = string, name = string, stage = string })
}

variable "authorizer" {
  description = "The function that verifies tokens, or null without one. timeout: the time limit of an invocation, in seconds."
  type        = object({ log_group = string, memory_size = number, name = string, timeout = number })
}

variable "budget" {
  description = "The monthly limit in dollars, and the addresses to notify, or null for no budget."
  type        = object({ emails = set(string), monthly = number })
}

variable "budget_name" {
  description = "The name of the budget. All regions of an account share budgets."
  type        = string
}

variable "dashboard" {
  description = "Whether to create the dashboard."
  type        = bool
}

variable "dashboard_name" {
  description = "The name of the dashboard. All regions of an account share dashboards. Further dashboards of a large system add a number."
  type        = string
}

variable "environment" {
  description = "The environment, by whose tag the budget finds costs."
  type        = string
}

variable "functions" {
  description = <<-EOT
    The functions, by a unique key.
    label: the name that distinguishes the function from the entity's others.
    operations: the entity's operations that it serves.
    timeout: the time limit of an invocation, in seconds.
  EOT
  type = map(object({
    entity      = string
    label       = string
    log_group   = string
    memory_size = number
    name        = string
    operations  = list(string)
    timeout     = number
  }))
}

variable "kms_key_arn" {
  description = "The key that encrypts the topic. CloudWatch cannot use SNS's own key."
  type        = string
}

variable "name" {
  description = "The name of the alarm for the whole API, and the prefix of the other alarms and queries."
  type        = string
}

variable "namespace" {
  description = "The namespace of the metrics in log lines, or null without these metrics."
  type        = string
}

variable "own_functions" {
  description = <<-EOT
    Your own functions, by name.
    has_streams: whether it reads changes of tables.
    kind: the trigger, such as "routes" or "queue".
    message_seconds: the time for which a job may wait and be retried, or null without a queue.
    queue, dead_letters: the names of its queues, or null without a queue.
    timeout: the time limit of an invocation, in seconds.
  EOT
  type = map(object({
    dead_letters    = string
    has_streams     = bool
    kind            = string
    log_group       = string
    memory_size     = number
    message_seconds = number
    name            = string
    queue           = string
    timeout         = number
  }))
}

variable "project" {
  description = "The system's name, by whose tag the budget finds costs."
  type        = string
}

variable "scope" {
  description = "The AWS account, region, partition and DNS suffix, of which ARNs and service names are composed."
  type        = object({ account_id = string, dns_suffix = string, partition = string, region = string })
}

variable "tables" {
  description = "The tables by entity: the actions that functions use (such as \"PutItem\"), and the indexes."
  type        = map(object({ actions = list(string), indexes = list(string), name = string }))
}

variable "tags" {
  description = "Tags for all resources, besides those that the provider adds itself; null for none."
  type        = map(string)
}

variable "topic" {
  description = "The name of a new topic."
  type        = string
}
