# What answers and requests have in common, whatever the entity.
locals {
  headers = {
    ETag                 = { description = "The item's state, for If-Match and If-None-Match: createdAt and version, joined by a hyphen, in double quotes.", schema = { type = "string" } }
    Idempotency-Replayed = { description = "\"true\" where an earlier request with the same key made the item.", schema = { type = "string" } }
    Link                 = { description = "The next page, relative to this one: <?...>; rel=\"next\".", schema = { type = "string" } }
    Location             = { description = "The new item, relative to this request.", schema = { type = "string" } }
    Retry-After          = { description = "Seconds to wait.", schema = { type = "integer", format = "int32" } }
    WWW-Authenticate     = { description = "How to authenticate: Bearer, with an access token. Sent by the gateway.", schema = { type = "string" } }
  }

  # By status: its name here, and what it means.
  problems = {
    "400" = { name = "InvalidRequest", description = "The body or a parameter is malformed, or a parameter is unknown, repeated or does not go with another." }
    "401" = { name = "Unauthorized", description = "There is no valid access token." }
    "403" = { name = "Forbidden", description = "The caller may not do this, or did not say who it is." }
    "404" = { name = "NotFound", description = "There is no such item." }
    "409" = { name = "Conflict", description = "The id is taken, or other writers won every attempt." }
    "412" = { name = "PreconditionFailed", description = "The item has none of the entity tags in If-Match." }
    "413" = { name = "ContentTooLarge", description = "The body or the item is over 400 KiB." }
    "415" = { name = "UnsupportedMediaType", description = "The body is something other than JSON: application/json, any +json type, or no type at all." }
    "422" = { name = "InvalidItem", description = "The item breaks its schema, or the idempotency key came with another body before." }
    "429" = { name = "TooManyRequests", description = "Too many requests, at once or by the plan's quota." }
    "500" = { name = "InternalError", description = "A fault of the server's." }
    "502" = { name = "BadGateway", description = "The function gave no answer." }
    "503" = { name = "ServiceUnavailable", description = "The database is throttled or fails." }
    "504" = { name = "GatewayTimeout", description = "The function took too long." }
  }
  problem_headers = { "401" = "WWW-Authenticate", "429" = "Retry-After", "503" = "Retry-After" }

  any_time = ["429", "500", "502", "503", "504"]

  responses = merge(
    { NotModified = { description = "The item is as If-None-Match has it.", headers = { ETag = { "$ref" = "#/components/headers/ETag" } } } },
    { for status, problem in local.problems : problem.name => merge(
      {
        description = problem.description
        content     = { "application/problem+json" = { schema = { "$ref" = "#/components/schemas/Problem" } } }
      },
      { for key, header in { headers = lookup(local.problem_headers, status, null) } : key => { (header) = { "$ref" = "#/components/headers/${header}" } } if header != null },
    ) },
  )

  entity_tags = { type = "string", minLength = 1, pattern = local.patterns.entity_tags }

  parameters = merge({
    cursor = {
      name        = "cursor", in = "query", schema = { type = "string", pattern = local.patterns.cursor }
      description = "`next` of the previous page of the same list in the same order; any other text is 400."
    }
    fields = {
      name        = "fields", in = "query", schema = { type = "string", pattern = local.patterns.fields }
      description = "Comma-separated names of properties: the page's items have only these and id, not all that the schema requires."
    }
    id = { name = "id", in = "path", required = true, schema = { "$ref" = "#/components/schemas/Id" } }
    idempotency-key = {
      name        = "Idempotency-Key", in = "header", schema = { type = "string", minLength = 1, maxLength = 255, pattern = local.patterns.idempotency_key }
      description = "The same key with the same body gives the first answer again."
    }
    if-match = {
      name        = "If-Match", in = "header", schema = local.entity_tags
      description = "Up to 50 entity tags, or *: 412 unless the item has one of them."
    }
    if-none-match = {
      name        = "If-None-Match", in = "header", schema = local.entity_tags
      description = "Up to 50 entity tags, or *: 304 while the item has one of them."
    }
    limit = {
      name        = "limit", in = "query", schema = { type = "integer", format = "int32", minimum = 1, maximum = 100, default = 25 }
      description = "How many items a page has at most."
    }
    order = {
      name        = "order", in = "query", schema = { type = "string", enum = ["asc", "desc"], default = "asc" }
      description = "By createdAt, or by what the filter sorts by."
    }
    }, { for operator, comparison in local.comparisons : "createdAt.${operator}" => {
      name        = "createdAt.${operator}", in = "query"
      description = "Items whose createdAt ${comparison}. Goes with a filter that sorts by createdAt."
      schema      = { moment = { type = "string", anyOf = [{ type = "string", format = "date" }, { type = "string", format = "date-time" }] }, text = local.texts }[operator == "prefix" ? "text" : "moment"]
  } })

  # A bound may be only the beginning of a value, hence no formats. DynamoDB takes 1024 bytes.
  texts = { type = "string", minLength = 1, maxLength = 1024 }

  # OAuth is there where a domain of the pool's gives out tokens. Of a pool that is still to be made no more is known.
  tokens = (
    var.sign_in.discovery_url != null ? "openIdConnect" :
    var.sign_in.domain != null && (var.sign_in.code || var.sign_in.machine) ? "oauth2" : "http"
  )
  # What operations ask for and no client of ours may have: the scheme has to name it all the same.
  others = { for scope in setsubtract(flatten(local.calls[*].scopes), concat(
    var.sign_in.code ? keys(var.sign_in.app_scopes) : [], var.sign_in.machine ? keys(var.sign_in.machine_scopes) : []
  )) : scope => "For clients of other systems" }
  flows = {
    authorizationCode = {
      authorizationUrl = "${coalesce(var.sign_in.domain, "-")}/oauth2/authorize", tokenUrl = "${coalesce(var.sign_in.domain, "-")}/oauth2/token"
      scopes           = merge(local.others, { openid = "Who signed in" }, var.sign_in.app_scopes)
    }
    clientCredentials = { tokenUrl = "${coalesce(var.sign_in.domain, "-")}/oauth2/token", scopes = merge(local.others, var.sign_in.machine_scopes) }
  }

  security_schemes = {
    api_key = { type = "apiKey", in = "header", name = "X-Api-Key" }
    cognito = {
      http          = { type = "http", scheme = "bearer", bearerFormat = "JWT", description = "An access token of the user pool." }
      oauth2        = { type = "oauth2", flows = { for flow, f in local.flows : flow => f if flow == "authorizationCode" ? var.sign_in.code : var.sign_in.machine }, description = "Access tokens, not ID tokens." }
      openIdConnect = { type = "openIdConnect", openIdConnectUrl = var.sign_in.discovery_url, description = "Access tokens, not ID tokens." }
    }[local.tokens]
    iam = {
      type        = "apiKey", in = "header", name = "Authorization", x-amazon-apigateway-authtype = "awsSigv4"
      description = "AWS Signature Version 4."
    }
  }
}
