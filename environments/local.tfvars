# For a laptop. A VPC and a customer managed key would take half a minute to create, and the
# emulator does not enforce them. Nothing displays a dashboard there. A canary of one minute is
# enough to try `make release`.
name        = "trestle"
environment = "local"

entities = { items = {} }

dashboard  = false
encryption = { customer_key = false }
network    = null
release    = { minutes = 1, percent = 50 }
