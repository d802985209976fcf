# Three entities with functions of three sizes, open to anyone. The functions' settings are under a key of our own.
name        = "shop"
environment = "demo"

entities = {
  users = {
    access     = { default = "open" }
    function   = { log_level = "ERROR", memory_size = 256, timeout = 30 }
    operations = ["get", "list"] # another program writes them, straight into the table
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
    # The gateway waits for 29 seconds and then answers 504, whatever stands here: the function gives up before that.
    function = { log_level = "ERROR", memory_size = 1024, timeout = 45 }
    schema   = "schemas/product.json"
  }
}

# Whoever is on call. The dashboard and the functions' own metrics are on without a word.
alarms = { emails = ["on-call@example.com"] }

log_retention_days = 30
