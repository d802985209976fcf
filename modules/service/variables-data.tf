variable "audit" {
  description = <<-EOT
    Audit records of who read or changed which item, which CloudTrail keeps in a separate bucket, or null for none. They cost about 0.10
    dollars per 100,000 requests to the tables, and next to nothing to keep. You do not need them if an organisation's trail has the tables'
    data events.
    retention_years: the years for which records are kept, 1 to 7.
  EOT
  type        = object({ retention_years = optional(number, 1) })
  default     = null

  validation {
    condition     = try(contains(range(1, 8), var.audit.retention_years), var.audit == null)
    error_message = "audit: retention_years is ${try(tostring(var.audit.retention_years), "null")}. Write a whole number from 1 to 7."
  }

  # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-trail-naming-requirements.html
  validation {
    condition = var.audit == null || !strcontains(local.trail, "--")
    error_message = join(" ", [
      "audit: the trail's name \"${local.trail}\" has two hyphens in a row, which CloudTrail refuses. Write a name and an environment",
      "without them, or audit = null.",
    ])
  }
}

variable "backup" {
  description = <<-EOT
    Copies of the tables by AWS Backup, in a vault under the customer key, or null for none. Without them, point-in-time recovery, which
    every table has, goes back 35 days. Each GB of each copy costs about 0.10 dollars a month, and all copies are full copies: daily copies
    of 1 GB cost 3.50 dollars a month if they are kept for 35 days.
    daily_days: the days for which each daily copy is kept.
    monthly_days: the days for which the copy of each month's first day is kept; null for no monthly copies.
  EOT
  type = object({
    daily_days   = optional(number, 35)
    monthly_days = optional(number)
  })
  default = null

  validation {
    condition = try(
      var.backup.daily_days >= 1 && var.backup.daily_days <= 36500 && floor(var.backup.daily_days) == var.backup.daily_days,
      var.backup == null
    )
    error_message = "backup: daily_days is ${try(tostring(var.backup.daily_days), "null")}. Write a whole number from 1 to 36500."
  }

  validation {
    condition = try(
      var.backup.monthly_days > var.backup.daily_days &&
      var.backup.monthly_days <= 36500 &&
      floor(var.backup.monthly_days) == var.backup.monthly_days,
      try(var.backup.monthly_days, null) == null
    )
    error_message = join(" ", [
      "backup: monthly_days is ${jsonencode(try(var.backup.monthly_days, null))}. Write a whole number over daily_days, up to 36500, or",
      "leave it out: daily copies already cover a shorter time.",
    ])
  }
}

variable "deletion_protection" {
  description = <<-EOT
    Whether AWS refuses to delete the tables, the user pool, the audit records and the recovery points. To destroy the environment, apply
    false first.
  EOT
  type        = bool
  default     = false
  nullable    = false
}

variable "encryption" {
  description = <<-EOT
    customer_key: whether your own key encrypts tables, logs and function settings (one dollar a month). Otherwise AWS's keys do.
    deletion_window_in_days: the days for which a destroyed key can be recovered; 30 by default.
    key_arn: an existing key for this purpose, in place of a new one. Its policy needs the statements in the output kms_key_statements. If
      the same apply creates the key, write coalesce(aws_kms_key.NAME.arn), so that a plan knows that the ARN is not null.
  EOT
  type = object({
    customer_key            = optional(bool, true)
    deletion_window_in_days = optional(number)
    key_arn                 = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition = try(contains(range(7, 31), var.encryption.deletion_window_in_days), var.encryption.deletion_window_in_days == null)
    error_message = join(" ", [
      "encryption: deletion_window_in_days is ${jsonencode(var.encryption.deletion_window_in_days)}. Write a whole number from 7 to 30.",
    ])
  }

  validation {
    condition = (
      var.encryption.key_arn == null ||
      try(can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", var.encryption.key_arn)), false)
    )
    error_message = join(" ", [
      "encryption: ${try("\"${var.encryption.key_arn}\"", "null")} is not the ARN of a key. Write key_arn =",
      "\"arn:aws:kms:REGION:ACCOUNT:key/ID\"; `aws kms describe-key --key-id alias/NAME` shows the ARN of an alias' key.",
    ])
  }

  validation {
    condition = (
      !can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:", var.encryption.key_arn)) ||
      try(split(":", var.encryption.key_arn)[3], "") == var.region
    )
    error_message = join(" ", [
      "encryption: key_arn is a key in ${try(split(":", var.encryption.key_arn)[3], "")}, but the region is ${var.region}. Write a key in",
      "${var.region}; `aws kms replicate-key` copies a multi-Region key there.",
    ])
  }

  validation {
    condition     = var.encryption.key_arn == null || var.encryption.customer_key
    error_message = "encryption: customer_key = false uses no key, so leave out key_arn, or leave out customer_key to use that key."
  }

  validation {
    condition = var.encryption.key_arn == null || var.encryption.deletion_window_in_days == null
    error_message = join(" ", [
      "encryption: deletion_window_in_days is for a key that Trestle creates, but key_arn names an existing key, which Trestle never",
      "deletes. Leave one of them out.",
    ])
  }

  # Here and not at the variables that require a key. Otherwise everything derived from those
  # variables would depend on the key's ARN, also kms_key_statements, which the policy of a key from
  # the same apply contains.
  validation {
    condition = var.alarms == null || try(var.alarms.topic_arn != null, false) || var.encryption.customer_key
    error_message = join(" ", [
      "alarms: CloudWatch cannot publish to a topic that an AWS managed key encrypts. Write encryption = { customer_key = true }, a",
      "topic_arn, or alarms = null.",
    ])
  }

  validation {
    condition = var.audit == null || var.encryption.customer_key
    error_message = join(" ", [
      "audit: CloudTrail encrypts the records with a customer key. Write encryption = { customer_key = true }, or audit = null.",
    ])
  }

  validation {
    condition     = var.backup == null || var.encryption.customer_key
    error_message = "backup: a customer key encrypts the vault. Write encryption = { customer_key = true }, or backup = null."
  }
}
