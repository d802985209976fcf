# Items of any shape, for callers with an API key. The functions run in a VPC and reach the internet
# through one NAT gateway.
name        = "items"
environment = "demo"

entities = {
  items = { access = { default = "api_key" } }
}

network = { nat = "single" }
