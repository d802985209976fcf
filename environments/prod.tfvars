name        = "trestle"
environment = "prod"

entities = { items = {} }

# Add the addresses to notify, { emails = ["on-call@example.com"] }, or the topic_arn of an existing
# topic.
alarms              = {}
deletion_protection = true
log_retention_days  = 365
website             = {}
