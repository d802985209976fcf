# Functions in a VPC with a way out to the internet over one NAT gateway; items of any shape, for holders of a key.
name        = "items"
environment = "demo"

entities = {
  items = { access = { default = "api_key" } }
}

network = { nat = "single" }
