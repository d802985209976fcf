# The laptop's: no VPC and no key of our own, which nothing there enforces and which take half a minute to make, and no
# dashboard, which nothing there shows.
name        = "trestle"
environment = "local"

entities = { items = {} }

dashboard  = false
encryption = { customer_key = false }
network    = null
release    = { minutes = 1, percent = 50 }
