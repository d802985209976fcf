variable "alarms" {
  description = <<-EOT
    Alarms, or null for none: about 6.60 dollars a month for an entity of six operations, since each costs 0.10 for a metric it looks at,
    and 0.50 for each entity
    and for the API, which tells for all of them. They look at five minutes at a time. docs/how-to/runbook.md says what to do about each. 0
    leaves one out.
    api_4xx: requests that are refused, in each of two periods. This one tells for itself: what callers do may last, and hides nothing of
      what is ours.
    api_5xx: requests that the gateway or a function fails, in each of two periods.
    dead_letters: jobs and changes in the dead-letter queue of a function of your own.
    duration_percent: of the time that a request has, in each of two periods.
    emails: whom to write to. Each address has to agree, by the link in a first mail.
    error_rate_percent: of a function's requests that fail.
    errors: requests, changes or jobs that fail in a function, in each of two periods.
    iterator_age_seconds: how long changes wait for a function of your own, in each of two periods.
    latency_p99_ms: what one request in a hundred takes or more, in each of two periods.
    message_age_seconds: how long a job waits for a function of your own, in each of two periods; never less than its retries may take.
    requests: how many a period needs, for error_rate_percent and latency_p99_ms to mean anything.
    table_system_errors, table_throttles: requests that DynamoDB fails or throttles, in each of two periods.
    throttles: requests for which Lambda has no function free.
    topic_arn: an existing topic of this region, in place of emails; else one is made, under the customer key. Its policy has to let
      CloudWatch publish, and its key's policy let CloudWatch encrypt: the output policy_statements has the statements. If the same apply
      makes the topic, write coalesce(aws_sns_topic.NAME.arn): a plan has to know that the ARN is not null.
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
    error_message = "alarms: write thresholds of 0 (no such alarm) or more, percents of up to 100, and whole requests of 1 or more."
  }

  validation {
    condition = try(
      anytrue([for kind, threshold in var.alarms : threshold > 0 if !contains(["emails", "requests", "topic_arn"], kind)]),
      var.alarms == null
    )
    error_message = "alarms: with all thresholds 0 there is none. Write alarms = null, or leave out those you want at their defaults."
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
      try(
        can(regex("^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+$", var.alarms.topic_arn)) && length(var.alarms.emails) == 0, false
      ) ||
      try(var.alarms.topic_arn, null) == null
    )
    error_message = join(" ", [
      "alarms: topic_arn is a topic's, arn:aws:sns:REGION:ACCOUNT:NAME, and that topic knows whom it writes to: leave out emails, or",
      "topic_arn to have one made.",
    ])
  }

  validation {
    condition = (
      !can(regex("^arn:[a-z-]+:sns:[a-z0-9-]+:", var.alarms.topic_arn)) || try(split(":", var.alarms.topic_arn)[3], "") == var.region
    )
    error_message = join(" ", [
      "alarms: topic_arn is a topic in ${try(split(":", var.alarms.topic_arn)[3], "")}, and alarms in ${var.region} publish to topics of",
      "their own region alone. Write a topic in ${var.region}.",
    ])
  }

  validation {
    # The API's alarm takes a hundred, and two of them are the gateway's.
    condition = (
      var.alarms == null ||
      length(setunion(keys(var.entities), keys(var.functions), length(local.jwt_methods) > 0 ? ["authorizer"] : [])) <= 98
    )
    error_message = join(" ", [
      "alarms: CloudWatch puts a hundred alarms into one, which is enough for 98 entities and functions, that of jwt among them. Write",
      "alarms = null, or make a second API of some of them.",
    ])
  }
}

variable "budget" {
  description = <<-EOT
    A monthly budget for what this system costs, or null for none. It costs nothing. AWS tells the system's costs by the tags Project and
    Environment, which have to be activated as cost allocation tags first.
    emails: whom to write to when actual costs pass 80 and 100 percent, and when the forecast passes 100 percent.
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
      "budget: there are ${try(length(var.budget.emails), 0)} emails, and AWS Budgets writes to 1 to 10 addresses. Write one at",
      "least, such as a mailing list's.",
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
    A dashboard in CloudWatch: traffic, errors, latency and capacity by entity, and what is paid for. An account's first three are free,
    each other one is 3 dollars a month.
  EOT
  type        = bool
  default     = true
  nullable    = false
}

variable "log_bucket" {
  description = <<-EOT
    The name of an existing bucket of this account and region that gets access logs, or null for none: of the website's and the audit
    trail's bucket below s3/BUCKET/, and of the website's distribution below cloudfront/ (website.access_log). The output policy_statements
    has what its policy needs. If the same apply makes the bucket, write coalesce(aws_s3_bucket.NAME.bucket): a plan has to know that the
    name is not null.
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
      "the name alone, \"${try(split(":::", var.log_bucket)[1], "")}\"." : "a name such as \"example-access-logs\".",
    ])
  }

  validation {
    condition     = !can(regex("^${var.name}-(?:audit|website)-${var.environment}-", var.log_bucket))
    error_message = "log_bucket: ${try("\"${var.log_bucket}\"", "null")} is a bucket that this system makes. Write an existing one."
  }
}

variable "log_retention_days" {
  description = "How long every log group keeps its events, in days."
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
    Metrics of our own, by entity and operation: requests, latency, faults, validation failures, conflicts, throttles, replays and cold
    starts. CloudWatch reads them
    out of the log lines. Each costs 0.30 dollars a month, by the hours in which there is any: an operation in use has two, and others
    when they happen. Without
    them alarms and dashboard know what Lambda, API Gateway and DynamoDB count, which is not what a function answered by itself with 500
    or more.
  EOT
  type        = bool
  default     = true
  nullable    = false
}

# Terraform does nothing with it: tools/aws/release.py asks for it.
variable "release" {
  description = <<-EOT
    How `make release` ships new versions of the functions: to a part of the requests first, watched, then to all or to none.
    faults: as many answers of 5xx, crashes or timeouts of the new versions take them back. So do an alarm that goes off, and answers of
      4xx far more often than by the live versions.
    minutes: how long they are watched; most alarms wait for two periods of five minutes.
    percent: of the requests they answer meanwhile.
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
    error_message = "release: percent is ${var.release.percent}. Write a whole number of 1 to 100."
  }

  validation {
    condition = (
      var.release.minutes >= 0 &&
      var.release.minutes <= 1440 &&
      var.release.faults >= 1 &&
      floor(var.release.faults) == var.release.faults
    )
    error_message = join(" ", [
      "release: minutes is ${var.release.minutes} and faults is ${var.release.faults}. Write minutes of 0 to 1440, and whole faults of 1",
      "or more.",
    ])
  }
}
