variable "contract" {
  description = <<-EOT
    The parts that all APIs share (contract/README.md).
    bounds: the operators that bound lists, in words.
    limits: the maximum sizes, defaults and patterns of the parts of a request.
    properties: the properties that the server sets, each with the name of its schema in the document.
    schemas: JSON Schemas, as text, of responses that are neither items nor pages.
    statuses: the statuses of problems, each with a name, a description and a header.
  EOT
  type = object({
    bounds     = map(string)
    limits     = map(object({ default = optional(number), max = optional(number), pattern = optional(string) }))
    properties = map(string)
    schemas    = map(string)
    statuses   = map(object({ description = string, header = optional(string), name = string }))
  })
}

variable "description" {
  description = "The API's description, in Markdown."
  type        = string
}

variable "entities" {
  description = <<-EOT
    The entities that the API serves.
    bounds: the parameters that bound a list, such as "dueDate.gte", each with its property and operator.
    filters: the sort property of each filter.
    ids: "client" if a body may contain the id.
    operations: the operations as in contract/operations.json, with the statuses of their problems. access: open, api_key, cognito,
      iam or jwt, and for cognito and jwt the required group or scope. may_refuse: whether own code can return any status from 400 to
      499.
    ordered: whether its lists have an order.
    owners: whether lists show the items' owners to some callers.
    path: the collection's path, without a slash at either end; "" is the root.
    reserved_ids: the ids that no item may have, because something else is at their path.
    shapes: the JSON Schemas, as text, that build.py derives from the schema: for bodies, items, patches, bodies of a PUT that
      replaces, and API Gateway's model. Null for any object.
  EOT
  type = map(object({
    bounds  = list(object({ name = string, operator = string, sort = string }))
    filters = map(string)
    ids     = string
    operations = map(object({
      access = object({ group = string, kind = string, scope = string })
      answers = map(
        object({ description = string, headers = optional(list(string), []), name = optional(string), schema = optional(string) })
      )
      body            = string
      description     = string
      may_refuse      = bool
      method          = string
      order_parameter = string
      parameters      = list(string)
      path            = string
      plural          = bool
      problems        = list(string)
      summary         = string
      takes_filters   = bool
    }))
    ordered      = bool
    owners       = optional(bool, false)
    path         = string
    reserved_ids = list(string)
    shapes       = object({ body = string, item = string, model = string, patch = string, replacement = string })
  }))
}

variable "info" {
  description = "The contact for questions about the API (name, email, url), and the API's licence."
  type        = object({ contact = map(string), license = object({ name = string, url = string }) })
}

variable "routes" {
  description = <<-EOT
    The API's methods that your own functions serve, by method and path, such as "POST /orders/{id}/pay".
    accepts: the media types of the body; none for JSON.
    access: as in entities.
    answers: the schema of the response body, by status.
    body, query: the schemas' names, or null.
    call: the Python function, whose name the operation gets.
    function: the function's key in the tfvars.
    problems: the statuses of the problems that it may return.
    summary, description: texts for readers, or null.
  EOT
  type = map(object({
    accepts     = list(string)
    access      = object({ group = string, kind = string, scope = string })
    answers     = map(string)
    body        = string
    call        = string
    description = string
    function    = string
    method      = string
    path        = string
    problems    = list(string)
    query       = string
    summary     = string
  }))
}

variable "schemas" {
  description = "The schemas that routes name, by name: one for requests and one for responses, as the JSON text that build.py derives."
  type        = map(object({ request = string, response = string }))
}

variable "sign_in" {
  description = <<-EOT
    How callers get tokens for operations with the access cognito.
    app_scopes, machine_scopes: the descriptions of the scopes that a user's app, or a machine, may request.
    code: whether apps sign users in at the domain.
    discovery_url: the URL of the pool's OpenID configuration, or null if it is not known yet.
    domain: the domain that issues tokens, or null.
    machine: whether there is a client for machines.
  EOT
  type = object({
    app_scopes     = map(string)
    code           = bool
    discovery_url  = string
    domain         = string
    machine        = bool
    machine_scopes = map(string)
  })
}

variable "title" {
  description = "The API's name."
  type        = string
}

variable "token_issuer" {
  description = <<-EOT
    The issuer of tokens for operations with the access jwt, or null without such operations.
    groups_claim: the claim with the caller's groups.
    url: the issuer's URL, as in the claim iss.
  EOT
  type        = object({ groups_claim = string, url = string })
}
