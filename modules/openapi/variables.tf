variable "contract" {
  description = <<-EOT
    What is so in every API: contract/README.md.
    bounds: by which operators lists are bounded, in words.
    limits: sizes and forms of what a request holds.
    properties: those that the server sets, with their schemas here.
    schemas: answers that are neither items nor pages: JSON Schemas, as text.
    statuses: of problems, each with a name, a sentence and a header.
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
  description = "What the API is, in Markdown."
  type        = string
}

variable "entities" {
  description = <<-EOT
    What the API serves, by entity.
    bounds: the parameters by which a list is bounded, such as "dueDate.gte", each with the property it bounds and how.
    filters: by filter, the property its lists are sorted by.
    ids: "client" where a body may bring its id.
    operations: those there are, as contract/operations.json has them; problems by their statuses; access, who may call each: open,
      api_key, cognito, iam or jwt, and for cognito and jwt the group or the scope, if it takes one; may_refuse, whether own code can
      answer with any status of 400 to 499.
    ordered: whether its lists have an order.
    owners: whether lists say to some callers whose the items are.
    path: of the collection, without a slash at either end; "" is the root.
    reserved_ids: ids that no item may have, because there is something else at their path.
    shapes: what bodies, items, patches, bodies of a PUT that replaces, and API Gateway's model look like, as build.py derives them from
      the schema: JSON Schemas, as text. Null: any object.
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
  description = "Who answers questions about the API (name, email, url), and the licence to use it."
  type        = object({ contact = map(string), license = object({ name = string, url = string }) })
}

variable "routes" {
  description = <<-EOT
    The API's methods that functions of your own answer, by method and path, such as "POST /orders/{id}/pay".
    accepts: media types of the body; none for JSON.
    access: as in entities.
    answers: by status, the schema of the body.
    body, query: schemas, or null.
    call: the Python function, after which the operation is called.
    function: the name of the function.
    problems: statuses of the problems that it may answer with.
    summary, description: for readers, or null.
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
  description = "The schemas that routes name, by name: of what is sent and of what is answered, as build.py derives them, as text."
  type        = map(object({ request = string, response = string }))
}

variable "sign_in" {
  description = <<-EOT
    How callers get tokens, for operations whose access is cognito.
    app_scopes, machine_scopes: what each scope is for that a user's app, or a machine, may ask for.
    code: whether apps sign users in over the domain.
    discovery_url: the pool's OpenID configuration, or null where it is not known yet.
    domain: where tokens are to be had, or null.
    machine: whether machines get tokens for themselves.
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
  description = "Name of the API."
  type        = string
}

variable "token_issuer" {
  description = <<-EOT
    Who signs the tokens of operations whose access is jwt, or null without such operations.
    groups_claim: the claim with the caller's groups.
    url: as the claim iss has it.
  EOT
  type        = object({ groups_claim = string, url = string })
}
