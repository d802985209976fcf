# For a laptop: no VPC and no customer key, which the emulator does not enforce and which take half
# a minute to create, and no dashboard, which nothing displays there.
name        = "trestle"
environment = "local"

entities = { items = {} }

dashboard  = false
encryption = { customer_key = false }
network    = null
release    = { minutes = 1, percent = 50 }
