variable "description" {
  description = "What the API is, in Markdown."
  type        = string
}

variable "entities" {
  description = <<-EOT
    What the API serves, by entity.
    access: who may call, by operation: open, api_key or iam. The keys are the operations there are.
    bounds: the parameters by which a list is bounded, such as "dueDate.gte".
    filters: by filter, the property its lists are sorted by.
    ids: "client" where a body may bring its id.
    ordered: whether its lists have an order.
    path: of the collection, without a slash at either end; "" is the root.
    put: "replace" or "merge".
    schema: the JSON Schema, as text.
  EOT
  type = map(object({
    access  = map(string)
    bounds  = list(string)
    filters = map(string)
    ids     = string
    ordered = bool
    path    = string
    put     = string
    schema  = string
  }))
}

variable "title" {
  description = "Name of the API."
  type        = string
}
