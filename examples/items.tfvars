# A minimal API: items of any shape, which anyone may list, read, create and delete. One function,
# no VPC, no customer key.
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
