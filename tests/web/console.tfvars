# One console for callers with a key, for signed-in users, and with a field of each kind. One
# function per entity starts faster.
name        = "console"
environment = "test"

entities = {
  # Like todos, with 10 000 items.
  archive = {
    access    = { default = "open" }
    filters   = { completed = {} }
    functions = "per_entity"
    schema    = "schemas/todo.json"
  }
  customers = {
    filters   = { lastName = {} }
    functions = "per_entity"
    schema    = "schemas/customer.json"
  }
  memos = {
    access     = { default = "jwt" }
    functions  = "per_entity"
    operations = ["create", "list"]
    owner      = "sub"
    sees_all   = "group=support"
  }
  notes = {
    access    = { default = "cognito" }
    filters   = { pinned = {}, tag = { sort = "title" } }
    functions = "per_entity"
    owner     = "sub"
    schema    = "schemas/note.json"
  }
  orders = {
    access    = { default = "open" }
    filters   = { status = { sort = "quantity" } }
    functions = "per_entity"
    schema    = "schemas/order.json"
  }
  # Accepts any object. Tests that need another schema write it into the OpenAPI document that the
  # page reads.
  parcels = {
    access    = { default = "open" }
    functions = "per_entity"
  }
  todos = {
    access    = { default = "open" }
    filters   = { completed = {} }
    functions = "per_entity"
    put       = "merge"
    schema    = "schemas/todo.json"
  }
}

dashboard  = false
encryption = { customer_key = false }
jwt = {
  audiences     = ["https://memos.example.com"]
  client_id     = "console"
  client_scopes = ["memos:write"]
  issuer        = "https://auth.example.com/"
}
log_retention_days = 1
network            = null
website            = {}
