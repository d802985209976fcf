name        = "trestle"
environment = "prod"

entities = { items = {} }

deletion_protection = true
log_retention_days  = 365
