# The parts of responses and requests that all entities share.
locals {
  headers = {
    ETag = {
      description = "The item's state, for If-Match and If-None-Match: createdAt and version, joined by a hyphen, in double quotes."
      schema      = { type = "string" }
    }
    Idempotency-Replayed = {
      description = "\"true\" if an earlier request with the same key created the item."
      schema      = { type = "string" }
    }
    Item-Owner = {
      description = "The item's owner, for callers who may reach other owners' items. Bytes that ids cannot contain are escaped as %XX."
      schema      = { type = "string" }
    }
    Link        = { description = "The next page, relative to this one: <?...>; rel=\"next\".", schema = { type = "string" } }
    Location    = { description = "The new item, relative to this request.", schema = { type = "string" } }
    Retry-After = { description = "Seconds to wait.", schema = { type = "integer", format = "int32" } }
    WWW-Authenticate = {
      description = "How to authenticate: Bearer, with an access token. Sent by the gateway."
      schema      = { type = "string" }
    }
  }

  responses = merge(
    # Responses that several operations share.
    merge([for answers in local.calls[*].answers : { for answer in values(answers) : answer.name => {
      description = answer.description, headers = { for header in answer.headers : header => { "$ref" = "#/components/headers/${header}" } }
    } if answer.name != null }]...),
    # Own code may refuse a request with any status from 400 to 499, so all refusals share one response.
    { Refused = {
      description = "A rule of this API refuses the request. The problem names the rule."
      content     = { "application/problem+json" = { schema = { "$ref" = "#/components/schemas/Problem" } } }
    } },
    { for status, problem in var.contract.statuses : problem.name => merge(
      {
        description = problem.description
        content     = { "application/problem+json" = { schema = { "$ref" = "#/components/schemas/Problem" } } }
      },
      { for key, header in { headers = problem.header } :
        key => { (header) = { "$ref" = "#/components/headers/${header}" } }
        if header != null
      },
    ) },
  )

  entity_tags_schema = { type = "string", minLength = 1, pattern = local.limits.entity_tags.pattern }

  parameters = merge({
    cursor = {
      name        = "cursor", in = "query", schema = { type = "string", pattern = local.limits.cursor.pattern }
      description = "`next` of the previous page of the same list in the same order. Any other text gets 400."
    }
    fields = {
      name        = "fields", in = "query", schema = { type = "string", pattern = local.limits.fields.pattern }
      description = "Comma-separated names of properties: the page's items have only these and id, even if the schema requires others."
    }
    id = { name = "id", in = "path", required = true, schema = { "$ref" = "#/components/schemas/Id" } }
    idempotency-key = {
      name = "Idempotency-Key", in = "header", schema = {
        type      = "string"
        minLength = 1
        maxLength = local.limits.idempotency_key.max
        pattern   = local.limits.idempotency_key.pattern
      }
      description = "The same key with the same body returns the first response again."
    }
    if-match = {
      name        = "If-Match", in = "header", schema = local.entity_tags_schema
      description = "Up to ${local.limits.entity_tags.max} entity tags, or *: 412 unless the item has one of them."
    }
    if-none-match = {
      name        = "If-None-Match", in = "header", schema = local.entity_tags_schema
      description = "Up to ${local.limits.entity_tags.max} entity tags, or *: 304 while the item has one of them."
    }
    limit = {
      name = "limit", in = "query", schema = {
        type    = "integer"
        format  = "int32"
        minimum = 1
        maximum = local.limits.page.max
        default = local.limits.page.default
      }
      description = "The maximum number of items on a page."
    }
    owner = {
      name        = "owner", in = "query", schema = { type = "string", minLength = 1, maxLength = 256 }
      description = "The owner of the item or items. Only callers who may reach other owners' items may name another owner than their own."
    }
    order = {
      name        = "order", in = "query", schema = { type = "string", enum = ["asc", "desc"], default = "asc" }
      description = "By createdAt, or by the filter's sort property."
    }
    }, { for operator, comparison in var.contract.bounds : "createdAt.${operator}" => {
      name        = "createdAt.${operator}", in = "query"
      description = "Items whose createdAt ${comparison}. Works only with a filter that sorts by createdAt."
      schema = {
        moment = { type = "string", anyOf = [{ type = "string", format = "date" }, { type = "string", format = "date-time" }] }
        text   = local.text_bound
      }[operator == "prefix" ? "text" : "moment"]
  } })

  # A bound may be a part of a value, so it has no format. The length is DynamoDB's limit.
  text_bound = { type = "string", minLength = 1, maxLength = local.limits.key.max }

  # Without a discovery URL, as for a new pool, the OAuth scheme applies if the pool has a domain that issues tokens.
  token_scheme = (
    var.sign_in.discovery_url != null ? "openIdConnect" :
    var.sign_in.domain != null && (var.sign_in.code || var.sign_in.machine) ? "oauth2" : "http"
  )
  # The scheme also has to list scopes that operations need but that none of the pool's own clients may request.
  foreign_scopes = { for scope in setsubtract(flatten([local.calls[*].scopes, values(local.route_scopes)]), concat(
    var.sign_in.code ? keys(var.sign_in.app_scopes) : [], var.sign_in.machine ? keys(var.sign_in.machine_scopes) : []
  )) : scope => "For clients of other systems" }
  flows = {
    authorizationCode = {
      authorizationUrl = "${coalesce(var.sign_in.domain, "-")}/oauth2/authorize"
      tokenUrl         = "${coalesce(var.sign_in.domain, "-")}/oauth2/token"
      scopes           = merge(local.foreign_scopes, { openid = "Who signed in" }, var.sign_in.app_scopes)
    }
    clientCredentials = {
      tokenUrl = "${coalesce(var.sign_in.domain, "-")}/oauth2/token"
      scopes   = merge(local.foreign_scopes, var.sign_in.machine_scopes)
    }
  }

  security_schemes = {
    api_key = { type = "apiKey", in = "header", name = "X-Api-Key" }
    cognito = {
      http = { type = "http", scheme = "bearer", bearerFormat = "JWT", description = "An access token of the user pool." }
      oauth2 = {
        type        = "oauth2"
        flows       = { for flow, f in local.flows : flow => f if flow == "authorizationCode" ? var.sign_in.code : var.sign_in.machine }
        description = "Access tokens, not ID tokens."
      }
      openIdConnect = {
        type             = "openIdConnect"
        openIdConnectUrl = var.sign_in.discovery_url
        description      = "Access tokens, not ID tokens."
      }
    }[local.token_scheme]
    iam = {
      type        = "apiKey", in = "header", name = "Authorization", x-amazon-apigateway-authtype = "awsSigv4"
      description = "AWS Signature Version 4."
    }
    # Client generators support bearer tokens, but most ignore openIdConnect.
    jwt = {
      type         = "http"
      scheme       = "bearer"
      bearerFormat = "JWT"
      description = join(" ", [
        "An access token, not an ID token, of ${try(var.token_issuer.url, "-")}, which",
        "${trimsuffix(try(var.token_issuer.url, "-"), "/")}/.well-known/openid-configuration describes.",
      ])
      # The web console reads it.
      x-groups-claim = try(var.token_issuer.groups_claim, null)
    }
  }
}
