# Todos for anyone, whose clients send {"completed": true} with PUT; customers for holders of a key.
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
