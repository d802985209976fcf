# What answers and requests have in common, whatever the entity.
locals {
  headers = {
    ETag                 = { description = "The item's state, for If-Match and If-None-Match.", schema = { type = "string" } }
    Idempotency-Replayed = { description = "\"true\" where an earlier request with the same key made the item.", schema = { type = "string" } }
    Link                 = { description = "The next page, relative to this one: <?...>; rel=\"next\".", schema = { type = "string" } }
    Location             = { description = "The new item, relative to this request.", schema = { type = "string" } }
    Retry-After          = { description = "Seconds to wait.", schema = { type = "integer" } }
  }

  # By status: its name here, and what it means.
  problems = {
    "400" = { name = "InvalidRequest", description = "The body or a parameter is malformed." }
    "403" = { name = "Forbidden", description = "The caller may not do this, or did not say who it is." }
    "404" = { name = "NotFound", description = "There is no such item." }
    "409" = { name = "Conflict", description = "The id is taken, or other writers won every attempt." }
    "412" = { name = "PreconditionFailed", description = "The item has none of the entity tags in If-Match." }
    "413" = { name = "ContentTooLarge", description = "The body or the item is over the limit." }
    "415" = { name = "UnsupportedMediaType", description = "The body is something other than JSON." }
    "422" = { name = "InvalidItem", description = "The item breaks its schema, or the idempotency key came with another body before." }
    "429" = { name = "TooManyRequests", description = "Too many requests, at once or by the plan's quota." }
    "500" = { name = "InternalError", description = "A fault of the server's." }
    "502" = { name = "BadGateway", description = "The function gave no answer." }
    "503" = { name = "ServiceUnavailable", description = "The database is throttled or fails." }
    "504" = { name = "GatewayTimeout", description = "The function took too long." }
  }
  any_time = ["429", "500", "502", "503", "504"]

  responses = merge(
    { NotModified = { description = "The item is as If-None-Match has it.", headers = { ETag = { "$ref" = "#/components/headers/ETag" } } } },
    { for status, problem in local.problems : problem.name => merge(
      {
        description = problem.description
        content     = { "application/problem+json" = { schema = { "$ref" = "#/components/schemas/Problem" } } }
      },
      contains(["429", "503"], status) ? { headers = { Retry-After = { "$ref" = "#/components/headers/Retry-After" } } } : {},
    ) },
  )

  parameters = {
    cursor = {
      name        = "cursor", in = "query", schema = { type = "string" }
      description = "`next` of the page before."
    }
    fields = {
      name        = "fields", in = "query", schema = { type = "string", minLength = 1 }
      description = "Names of the properties to answer with, with commas between; id always comes along."
    }
    id = { name = "id", in = "path", required = true, schema = local.id }
    idempotency-key = {
      name        = "Idempotency-Key", in = "header", schema = { type = "string", minLength = 1, maxLength = 255 }
      description = "The same key with the same body gives the first answer again."
    }
    if-match = {
      name        = "If-Match", in = "header", schema = { type = "string" }
      description = "Entity tags: 412 unless the item has one of them."
    }
    if-none-match = {
      name        = "If-None-Match", in = "header", schema = { type = "string" }
      description = "Entity tags: 304 while the item has one of them."
    }
    limit = {
      name        = "limit", in = "query", schema = { type = "integer", minimum = 1, maximum = 100, default = 25 }
      description = "How many items a page has at most."
    }
    order = {
      name        = "order", in = "query", schema = { type = "string", enum = ["asc", "desc"], default = "asc" }
      description = "By createdAt, or by what the filter sorts by."
    }
  }

  security_schemes = {
    api_key = { type = "apiKey", in = "header", name = "X-Api-Key" }
    iam = {
      type        = "apiKey", in = "header", name = "Authorization", x-amazon-apigateway-authtype = "awsSigv4"
      description = "AWS Signature Version 4."
    }
  }
}
