# What is sent and what is answered, out of the entities' schemas. These keep to what JSON Schema's draft 4, which API
# Gateway's models are of, and OpenAPI 3.0 have in common: see docs/schemas.md.
locals {
  names = { for name in keys(var.entities) : name => join("", [for word in split("-", name) : title(word)]) }

  # Titles go: generators would call all the variants of a schema by the same name.
  given = { for name, e in var.entities : name => {
    for keyword, value in jsondecode(coalesce(e.schema, "{}")) : keyword => value if !contains(["$schema", "properties", "required", "title", "type"], keyword)
  } }
  # What judges the client's properties as a whole says nothing of an item, which has the server's besides.
  open = { for name, given in local.given : name => {
    for keyword, value in given : keyword => value if !contains(["enum", "maxProperties", "minProperties", "not"], keyword)
  } }
  properties = { for name, e in var.entities : name => {
    for property, rule in try(jsondecode(e.schema).properties, {}) : property => { for keyword, value in rule : keyword => value if keyword != "title" }
  } }
  required = { for name, e in var.entities : name => try(jsondecode(e.schema).required, []) }

  id = {
    description = "Made by the server, or the client's own where it may choose."
    type        = "string"
    pattern     = "^[A-Za-z0-9._~-]{1,128}$"
  }
  envelope = {
    createdAt = { type = "string", format = "date-time", description = "In UTC, to the microsecond." }
    id        = local.id
    updatedAt = { type = "string", format = "date-time", description = "In UTC, to the microsecond." }
    version   = { type = "integer", minimum = 1, description = "Grows by one with every change." }
  }

  # What API Gateway may judge bodies by. They may repeat what the server sets, and leave out what has a default.
  rules = { for name in keys(var.entities) : name => merge(
    local.open[name],
    { type = "object", properties = merge(local.properties[name], { for property in keys(local.envelope) : property => {} }) },
    { for keyword, needed in { required = [for property in local.required[name] : property if !can(local.properties[name][property].default)] } :
      keyword => needed if length(needed) > 0
    },
  ) }

  # Of a partial body only the single properties can be judged. Null takes a property away, unless it has to be there.
  partial = { for name, properties in local.properties : name => {
    for property, rule in properties : property => {
      for keyword, value in merge(rule, { for keyword, value in { enum = try(concat(rule.enum, [null]), null), nullable = true } :
        keyword => value if value != null && can(rule.type) && !contains(local.required[name], property)
      }) : keyword => value if keyword != "default" && (try(rule.type, "") != "object" || contains(["description", "nullable", "type"], keyword))
    }
  } }

  schemas = concat(
    [{
      Problem = {
        description = "What went wrong (RFC 9457)."
        type        = "object"
        required    = ["detail", "requestId", "status", "title", "type"]
        properties = {
          detail    = { type = "string" }
          requestId = { type = "string", description = "To be found in the logs." }
          status    = { type = "integer" }
          title     = { type = "string" }
          type      = { type = "string", description = "The kind of problem: urn:trestle:problem:<kind>." }
          errors = {
            type        = "array"
            description = "Every fault of the request, up to 20."
            items = {
              type     = "object"
              required = ["detail"]
              properties = {
                detail    = { type = "string" }
                parameter = { type = "string", description = "The parameter with the fault." }
                pointer   = { type = "string", description = "The place in the body (RFC 6901)." }
              }
            }
          }
        }
      }
    }],
    [for name, e in var.entities : { for schema, rules in {
      Body = merge(local.given[name], local.rules[name], {
        properties = merge(
          local.properties[name],
          # What a body may repeat has to be named where nothing else is let in.
          { for property, rule in local.envelope : property => merge(rule, { readOnly = true }) if try(local.given[name].additionalProperties, true) != true },
          { for property, rule in { id = local.id } : property => rule if e.ids == "client" },
        )
      })
      Item = merge(local.open[name], {
        type       = "object"
        properties = merge(local.properties[name], local.envelope)
        required   = concat(keys(local.envelope), local.required[name])
      })
      Listed = merge({ for keyword, value in local.open[name] : keyword => value if keyword == "additionalProperties" }, {
        description = "An item, or as much of it as the parameter fields asks for."
        type        = "object"
        properties  = merge(local.properties[name], local.envelope)
        required    = ["id"]
      })
      Page = {
        type     = "object"
        required = ["count", "items", "next"]
        properties = {
          count = { type = "integer", description = "How many items are on this page." }
          items = { type = "array", items = { "$ref" = "#/components/schemas/${local.names[name]}Listed" } }
          next  = { type = "string", nullable = true, description = "The cursor of the next page; null at the end." }
        }
      }
      Patch = merge({ for keyword, value in local.given[name] : keyword => value if keyword == "additionalProperties" }, {
        description = "The properties to change; null removes one (RFC 7396)."
        type        = "object"
        properties  = local.partial[name]
      })
    } : "${local.names[name]}${schema}" => rules if contains(local.used[name], schema) }],
  )
}
