variable "alarms" {
  description = <<-EOT
    Thresholds of the alarms by kind, 0 for none of it; or null for no alarms at all.
    emails: whom the topic writes to.
    requests: how many there have to be in a period, for rates and percentiles to mean anything.
    topic_arn: a topic there is already, or null to have one made. A plan has to know whether it is null.
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
  description = "The function that verifies tokens, or null without one. timeout: seconds an invocation may take."
  type        = object({ log_group = string, memory_size = number, name = string, timeout = number })
}

variable "budget" {
  description = "The dollars that the system may cost a month, and whom to write to beyond them; or null for no budget."
  type        = object({ emails = set(string), monthly = number })
}

variable "budget_name" {
  description = "Name of the budget, which all regions of the account share."
  type        = string
}

variable "dashboard" {
  description = "Whether to make the dashboard."
  type        = bool
}

variable "dashboard_name" {
  description = "Name of the dashboard, which all regions of the account share. Further dashboards of a large system add a number."
  type        = string
}

variable "environment" {
  description = "The environment, by whose tag the budget knows what costs."
  type        = string
}

variable "functions" {
  description = <<-EOT
    The functions, by a name of our own.
    label: what tells it from the entity's others.
    operations: those of the entity that it answers.
    timeout: seconds an invocation may take.
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
  description = "The key that encrypts the topic: CloudWatch cannot use SNS's own."
  type        = string
}

variable "name" {
  description = "Name of the dashboard and of the alarm for the whole API, and prefix of what belongs to them."
  type        = string
}

variable "namespace" {
  description = "Where the functions' own metrics are, or null where they send none."
  type        = string
}

variable "own_functions" {
  description = <<-EOT
    Functions of your own, by name.
    has_streams: whether it reads changes of tables.
    kind: what starts it, such as "routes" or "queue".
    message_seconds: how long a job may wait and be retried, or null without a queue.
    queue, dead_letters: the names of its queues, or null without.
    timeout: seconds an invocation may take.
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
  description = "The system's name, by whose tag the budget knows what costs."
  type        = string
}

variable "scope" {
  description = "The account, region, partition and DNS suffix of AWS that ARNs and service names are composed of."
  type        = object({ account_id = string, dns_suffix = string, partition = string, region = string })
}

variable "tables" {
  description = "The tables by entity: what the functions ask of them (such as \"PutItem\"), and their indexes."
  type        = map(object({ actions = list(string), indexes = list(string), name = string }))
}

variable "tags" {
  description = "Tags for each resource, beside those that the provider adds by itself; null for none."
  type        = map(string)
}

variable "topic" {
  description = "Name of the topic, where one is made."
  type        = string
}
