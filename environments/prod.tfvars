name        = "trestle"
environment = "prod"

entities = { items = {} }

# These alarms notify nobody yet. Add addresses, { emails = ["on-call@example.com"] }, or the
# topic_arn of an existing SNS topic.
alarms              = {}
deletion_protection = true
log_retention_days  = 365
website             = {}
