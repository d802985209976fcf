# The least: items of any shape, which anyone may list, read, make and delete. One function, no VPC, no key of our own.
name        = "items-api"
environment = "demo"
region      = "us-west-2"

entities = {
  items = {
    access     = { default = "open" }
    functions  = "per_entity"
    ids        = "client"
    operations = ["create", "delete", "get", "list"]
  }
}

encryption         = { customer_key = false }
log_retention_days = 7
network            = null
