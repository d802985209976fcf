name        = "trestle"
environment = "prod"

entities = { items = {} }

# Write to whom they tell: { emails = ["on-call@example.com"] }, or the ARN of a topic there is already.
alarms              = {}
deletion_protection = true
log_retention_days  = 365
website             = {}
