# As production, but a release can be torn down and built anew.
name        = "trestle"
environment = "staging"

entities = { items = {} }

log_retention_days = 90
