variable "audit" {
  description = <<-EOT
    Records of who read or changed which item, kept by CloudTrail in a bucket of their own; or null for none. They cost about 0.10 dollars
    for
    100,000 requests to the tables, and next to nothing to keep. An organisation's trail that has the tables' data events does as well.
    retention_years: how long they are kept, from 1 to 7.
  EOT
  type        = object({ retention_years = optional(number, 1) })
  default     = null

  validation {
    condition     = try(contains(range(1, 8), var.audit.retention_years), var.audit == null)
    error_message = "audit: retention_years is ${try(tostring(var.audit.retention_years), "null")}. Write a whole number of 1 to 7."
  }

  validation {
    condition = var.audit == null || var.encryption.customer_key
    error_message = join(" ", [
      "audit: CloudTrail encrypts its records with a key of your own. Write encryption",
      "= { customer_key = true }, or audit = null.",
    ])
  }

  # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-trail-naming-requirements.html
  validation {
    condition = var.audit == null || !strcontains(local.trail, "--")
    error_message = join(" ", [
      "audit: the trail's name \"${local.trail}\" has two hyphens in a row, which CloudTrail refuses. Write name and environment without",
      "them, or audit = null.",
    ])
  }
}

variable "backup" {
  description = <<-EOT
    Copies of the tables by AWS Backup, in a vault under the customer key; or null for none: point-in-time recovery, which every table
    has, goes back 35 days.
    Each GB of each copy costs about 0.10 dollars a month, and every copy is a whole one: 3.50 dollars for a table of 1 GB that is kept
    for 35 days.
    daily_days: how long each day's copy is kept, in days.
    monthly_days: how long that of each month's first day is kept, in days; null makes none.
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
    error_message = "backup: daily_days is ${try(tostring(var.backup.daily_days), "null")}. Write a whole number of 1 to 36500."
  }

  validation {
    condition = try(
      var.backup.monthly_days > var.backup.daily_days &&
      var.backup.monthly_days <= 36500 &&
      floor(var.backup.monthly_days) == var.backup.monthly_days,
      try(var.backup.monthly_days, null) == null
    )
    error_message = join(" ", [
      "backup: monthly_days is ${jsonencode(try(var.backup.monthly_days, null))}. Write whole monthly_days of more than daily_days, up to",
      "36500, or leave them out: what is kept for less is among the daily copies.",
    ])
  }

  validation {
    condition     = var.backup == null || var.encryption.customer_key
    error_message = "backup: the vault is under a key of your own. Write encryption = { customer_key = true }, or backup = null."
  }
}

variable "deletion_protection" {
  description = <<-EOT
    Refuse to delete the tables, the user pool, the audit's records and the recovery points, whoever asks. To destroy the environment, apply
    false first.
  EOT
  type        = bool
  default     = false
  nullable    = false
}

variable "encryption" {
  description = <<-EOT
    customer_key: encrypt tables, logs and function settings with a key of your own (one dollar a month), else with keys AWS owns.
    deletion_window_in_days: how long a destroyed key can still be recovered.
  EOT
  type = object({
    customer_key            = optional(bool, true)
    deletion_window_in_days = optional(number, 30)
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(range(7, 31), var.encryption.deletion_window_in_days)
    error_message = "encryption: deletion_window_in_days is ${var.encryption.deletion_window_in_days}. Write a whole number of 7 to 30."
  }
}
