# Cheap: AWS's own keys, a month of logs, tables that can be deleted.
name        = "trestle"
environment = "dev"

entities = { items = {} }

encryption         = { customer_key = false }
log_retention_days = 30
