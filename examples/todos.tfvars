# Todos are open to anyone, and PUT accepts partial items such as {"completed": true}. Customers
# require an API key.
name        = "todos"
environment = "demo"

entities = {
  todos = {
    access  = { default = "open" }
    filters = { completed = {} }
    put     = "merge"
    schema  = "schemas/todo.json"
  }
  customers = {
    access  = { default = "api_key" }
    filters = { lastName = {} }
    schema  = "schemas/customer.json"
  }
}

website = {}
