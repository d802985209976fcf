# Three entities with functions of three sizes, open to anyone. A customer key encrypts the
# functions' environment variables.
name        = "shop"
environment = "demo"

entities = {
  users = {
    access     = { default = "open" }
    function   = { log_level = "ERROR", memory_size = 256, timeout = 30 }
    operations = ["get", "list"] # another program writes them, directly to the table
    schema     = "schemas/user.json"
  }
  orders = {
    access     = { default = "open" }
    filters    = { status = {}, userId = {} }
    function   = { log_level = "WARNING", memory_size = 512, timeout = 30 }
    operations = ["create", "get", "list"]
    schema     = "schemas/order.json"
  }
  products = {
    access = { default = "open" }
    # API Gateway returns 504 after 29 seconds, whatever the timeout is. The function gives up
    # before that.
    function = { log_level = "ERROR", memory_size = 1024, timeout = 45 }
    schema   = "schemas/product.json"
  }
}

# The address of the person on call. The dashboard and the functions' own metrics are on by default.
alarms = { emails = ["on-call@example.com"] }

log_retention_days = 30
