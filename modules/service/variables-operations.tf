variable "alarms" {
  description = <<-EOT
    Alarms, or null for none. Periods are five minutes. 0 disables an alarm. docs/how-to/runbook.md says what to do about each one. They
    cost about 6.60 dollars a month for an entity with six operations: 0.10 for each metric of an alarm, and 0.50 for each composite alarm,
    of which each entity and the API have one.
    api_4xx: refused requests, in each of two periods. This alarm notifies separately, since refusals may last and must not hide faults.
    api_5xx: requests that fail in the gateway or a function, in each of two periods.
    dead_letters: jobs and changes in the dead-letter queue of one of your functions.
    duration_percent: the percentage of a request's time limit, in each of two periods.
    emails: the addresses to notify. Each one has to confirm by the link in a first mail.
    error_rate_percent: the percentage of a function's requests that fail.
    errors: requests, changes or jobs that fail in a function, in each of two periods.
    iterator_age_seconds: the time that changes wait for one of your functions, in each of two periods.
    latency_p99_ms: the 99th percentile of latency, in each of two periods.
    message_age_seconds: the time that a job waits for one of your functions, in each of two periods; at least the time of its retries.
    requests: the minimum of requests in a period for error_rate_percent and latency_p99_ms to apply.
    table_system_errors, table_throttles: requests that fail or are throttled in DynamoDB, in each of two periods.
    throttles: requests that Lambda throttles.
    topic_arn: an existing topic of this region, in place of emails. Otherwise Trestle creates one, under the customer key. The topic's
      policy has to let CloudWatch publish, and its key's policy has to let CloudWatch encrypt; the output policy_statements has the
      statements. If the same apply creates the topic, write coalesce(aws_sns_topic.NAME.arn), so that a plan knows that the ARN is not
      null.
  EOT
  type = object({
    api_4xx              = optional(number, 10)
    api_5xx              = optional(number, 5)
    dead_letters         = optional(number, 1)
    duration_percent     = optional(number, 80)
    emails               = optional(set(string), [])
    error_rate_percent   = optional(number, 5)
    errors               = optional(number, 5)
    iterator_age_seconds = optional(number, 300)
    latency_p99_ms       = optional(number, 3000)
    message_age_seconds  = optional(number, 3600)
    requests             = optional(number, 20)
    table_system_errors  = optional(number, 1)
    table_throttles      = optional(number, 1)
    throttles            = optional(number, 10)
    topic_arn            = optional(string)
  })
  default = null

  validation {
    condition = try(alltrue([for kind, threshold in var.alarms :
      threshold >= 0 &&
      (!strcontains(kind, "percent") || threshold <= 100) &&
      (kind != "requests" || threshold >= 1 && floor(threshold) == threshold)
      if !contains(["emails", "topic_arn"], kind)
    ]), var.alarms == null)
    error_message = join(" ", [
      "alarms: a threshold is out of range. Write 0 (no alarm) or more, at most 100 for a percentage, and a whole number of 1 or more for",
      "requests.",
    ])
  }

  validation {
    condition = try(
      anytrue([for kind, threshold in var.alarms : threshold > 0 if !contains(["emails", "requests", "topic_arn"], kind)]),
      var.alarms == null
    )
    error_message = join(" ", [
      "alarms: all thresholds are 0, so there would be no alarm. Write alarms = null, or leave out thresholds to use their defaults.",
    ])
  }

  validation {
    condition = try(alltrue([for address in var.alarms.emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", address))]), var.alarms == null)
    error_message = join(" ", [for address in try(var.alarms.emails, []) :
      "alarms.emails: ${try("\"${address}\"", "null")} is not an address. Write one such as \"on-call@example.com\"."
      if !can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", address))
    ])
  }

  validation {
    condition = (
      try(can(regex("^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+$", var.alarms.topic_arn)), false) ||
      try(var.alarms.topic_arn, null) == null
    )
    error_message = join(" ", [for arn in [try(coalesce(var.alarms.topic_arn), "")] : join("", [
      "alarms.topic_arn: \"${arn}\" ",
      can(regex("^arn:[a-z-]+:sns:.*[.]fifo$", arn)) ? "is a FIFO topic, which CloudWatch cannot publish to" :
      can(regex("^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[^:]+:", arn)) ? "is the ARN of a subscription" : "is not the ARN of a topic",
      ". Write arn:aws:sns:${var.region}:ACCOUNT:NAME, as `aws sns list-topics` shows it, or leave it out so that Trestle creates a topic.",
    ])])
  }

  validation {
    condition = try(var.alarms.topic_arn == null || length(var.alarms.emails) == 0, true)
    error_message = join(" ", [
      "alarms: emails are for a topic that Trestle creates, but topic_arn names an existing one, which has its own subscriptions. Leave",
      "one of them out.",
    ])
  }

  validation {
    condition = (
      !can(regex("^arn:[a-z-]+:sns:[a-z0-9-]+:", var.alarms.topic_arn)) || try(split(":", var.alarms.topic_arn)[3], "") == var.region
    )
    error_message = join(" ", [
      "alarms: topic_arn is a topic in ${try(split(":", var.alarms.topic_arn)[3], "")}, but alarms in ${var.region} can publish only to",
      "topics in the same region. Write a topic in ${var.region}.",
    ])
  }

  validation {
    # The API's composite alarm can combine 100 alarms, and two of them are the gateway's.
    condition = (
      var.alarms == null ||
      length(setunion(keys(var.entities), keys(var.functions), length(local.jwt_methods) > 0 ? ["authorizer"] : [])) <= 98
    )
    error_message = join(" ", [
      "alarms: CloudWatch can combine 100 alarms into one, which is enough for 98 entities and functions, including that of jwt. Write",
      "alarms = null, or move some of them to a second API.",
    ])
  }
}

variable "budget" {
  description = <<-EOT
    A monthly budget for the system, or null for none. It costs nothing. AWS finds the system's costs by the tags Project and Environment,
    which you have to activate as cost allocation tags first.
    emails: the addresses to notify when actual costs pass 80 and 100 percent, and when the forecast passes 100 percent.
    monthly: the limit in dollars.
  EOT
  type        = object({ emails = set(string), monthly = number })
  default     = null

  validation {
    condition = try(
      var.budget.monthly > 0 && can(regex("^[0-9]+(?:[.][0-9]{1,2})?$", tostring(var.budget.monthly))),
      var.budget == null,
    )
    error_message = "budget: monthly is ${try(tostring(var.budget.monthly), "null")}. Write dollars above 0, with whole cents, such as 50."
  }

  # https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_CreateBudget.html
  validation {
    condition = try(length(var.budget.emails) >= 1 && length(var.budget.emails) <= 10, var.budget == null)
    error_message = join(" ", [
      "budget: there are ${try(length(var.budget.emails), 0)} emails, and AWS Budgets notifies 1 to 10 addresses. Write one to ten, such",
      "as a mailing list's address.",
    ])
  }

  validation {
    condition = try(alltrue([for address in var.budget.emails : can(regex("^${local.address_pattern}$", address))]), var.budget == null)
    error_message = join(" ", [for address in try(var.budget.emails, []) :
      "budget.emails: ${try("\"${address}\"", "null")} is not an address. Write one such as \"team@example.com\"."
      if !can(regex("^${local.address_pattern}$", address))
    ])
  }
}

variable "dashboard" {
  description = <<-EOT
    Whether to create a CloudWatch dashboard with traffic, errors, latency and capacity by entity, and billed quantities. An account's
    first three dashboards are free; each further one costs 3 dollars a month.
  EOT
  type        = bool
  default     = true
  nullable    = false
}

variable "log_bucket" {
  description = <<-EOT
    The name of an existing bucket for access logs in this account and region, or null for none. It gets those of the website's and the
    audit trail's buckets under s3/BUCKET/, and of the website's distribution under cloudfront/ (website.access_log). The output
    policy_statements has the statements for its policy. If the same apply creates the bucket, write coalesce(aws_s3_bucket.NAME.bucket),
    so that a plan knows that the name is not null.
  EOT
  type        = string
  default     = null

  validation {
    condition = (
      var.log_bucket == null ||
      can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.log_bucket)) && !can(regex("[.]{2}", var.log_bucket))
    )
    error_message = join(" ", [
      "log_bucket: ${try("\"${var.log_bucket}\"", "null")} is not a bucket's name. Write",
      can(regex("^arn:[a-z-]+:s3:::[^/]+$", var.log_bucket)) ?
      "only the name, \"${try(split(":::", var.log_bucket)[1], "")}\"." : "a name such as \"example-access-logs\".",
    ])
  }

  validation {
    condition     = !can(regex("^${var.name}-(?:audit|website)-${var.environment}-", var.log_bucket))
    error_message = "log_bucket: ${try("\"${var.log_bucket}\"", "null")} is a bucket that this system creates. Write an existing one."
  }
}

variable "log_retention_days" {
  description = "The days for which log groups keep their events."
  type        = number
  default     = 365
  nullable    = false

  validation {
    condition = contains(
      [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days
    )
    error_message = join(" ", [
      "log_retention_days: CloudWatch does not keep logs for ${var.log_retention_days} days. Write 1, 3, 5, 7, 14, 30, 60, 90, 120, 150,",
      "180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653.",
    ])
  }
}

variable "metrics" {
  description = <<-EOT
    Whether log lines also become CloudWatch metrics by entity and operation: requests, latency, faults, validation failures, conflicts,
    throttles, replays and cold starts. Each metric costs 0.30 dollars a month, prorated by the hours with data. An operation in use has
    two, and further ones when they occur. Without these metrics, alarms and dashboard use those of Lambda, API Gateway and DynamoDB, which
    do not count a function's own 5xx responses.
  EOT
  type        = bool
  default     = true
  nullable    = false
}

# Terraform does not use this variable. tools/aws/release.py reads it.
variable "release" {
  description = <<-EOT
    How `make release` deploys new versions of the functions: as a canary for a part of the requests, then for all or none.
    faults: the number of 5xx responses, crashes or timeouts of the new versions that rolls them back. An alarm also rolls them back, and so
      do 4xx responses that are far more frequent than those of the live versions.
    minutes: the duration of the canary; most alarms need two periods of five minutes.
    percent: the percentage of requests for the canary.
  EOT
  type = object({
    faults  = optional(number, 1)
    minutes = optional(number, 15)
    percent = optional(number, 10)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.release.percent >= 1 && var.release.percent <= 100 && floor(var.release.percent) == var.release.percent
    error_message = "release: percent is ${var.release.percent}. Write a whole number from 1 to 100."
  }

  validation {
    condition = (
      var.release.minutes >= 0 &&
      var.release.minutes <= 1440 &&
      var.release.faults >= 1 &&
      floor(var.release.faults) == var.release.faults
    )
    error_message = join(" ", [
      "release: minutes is ${var.release.minutes} and faults is ${var.release.faults}. Write minutes from 0 to 1440, and a whole number of",
      "1 or more as faults.",
    ])
  }
}
