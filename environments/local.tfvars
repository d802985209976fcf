# The laptop's: no VPC and no key of our own, which nothing there enforces and which take half a minute to make.
name        = "trestle"
environment = "local"

entities = { items = {} }

encryption = { customer_key = false }
network    = null
