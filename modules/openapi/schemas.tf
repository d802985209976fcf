# The schemas of bodies and answers, from the shapes that build.py derives from the entities' schemas, and the server's properties.
locals {
  any_object = { type = "object", properties = {}, additionalProperties = true }
  shapes = { for name, e in var.entities :
    name => { for shape in ["body", "item", "patch", "replacement"] : shape => try(jsondecode(e.shapes[shape]), local.any_object) }
  }

  properties = { for name, shapes in local.shapes : name => try(shapes.item.properties, {}) }

  limits = var.contract.limits

  id_schema = {
    description = "Made by the server, or the client's own where it may choose."
    type        = "string"
    minLength   = 1
    maxLength   = local.limits.id.max
    pattern     = local.limits.id.pattern
  }
  server_properties = { for property, schema in var.contract.properties : property => { "$ref" = "#/components/schemas/${schema}" } }

  shared_schemas = {
    Id = local.id_schema
    Problem = {
      description = "What went wrong (RFC 9457)."
      type        = "object"
      required    = ["detail", "requestId", "status", "title", "type"]
      properties = {
        detail    = { type = "string" }
        requestId = { type = "string", description = "The logs have it, too." }
        status    = { type = "integer", format = "int32" }
        title     = { type = "string" }
        type      = { type = "string", description = "The kind of problem: urn:trestle:problem:<kind>." }
        errors = {
          type        = "array"
          description = "Every fault of the request, up to ${local.limits.faults.max}."
          maxItems    = local.limits.faults.max
          items       = { "$ref" = "#/components/schemas/ProblemError" }
        }
      }
    }
    ProblemError = {
      description = "A fault of the request, and where it is."
      type        = "object"
      required    = ["detail"]
      properties = {
        detail    = { type = "string" }
        parameter = { type = "string", description = "The parameter with the fault." }
        pointer   = { type = "string", description = "The place in the body (RFC 6901)." }
      }
    }
    Time    = { type = "string", format = "date-time", description = "In UTC, to the microsecond." }
    Version = { type = "integer", format = "int64", minimum = 1, description = "Grows by one with every change." }
  }

  # A body at an item's path may repeat the id. OpenAPI cannot express "the same as in the path", so clients should omit it.
  repeated_id = { allOf = [local.server_properties.id], readOnly = true, description = "As in the path." }

  # The schemas that an entity's operations need.
  used_schemas = { for entity in keys(var.entities) : entity => distinct(compact(flatten([for call in local.calls : [
    call.body, [for answer in values(call.answers) : answer.schema == "Page" ? ["Page", "Item"] : [answer.schema]]
  ] if call.entity == entity]))) }

  schemas = merge(local.shared_schemas, local.route_schemas,
    { for name, schema in var.contract.schemas : name => jsondecode(schema) if contains(flatten(values(local.used_schemas)), name) },
    [for name, e in var.entities : { for schema, rules in {
      Body = merge(local.shapes[name].body, { properties = merge(
        try(local.shapes[name].body.properties, {}),
        { for property, rule in { id = {
          any = local.server_properties.id
          but = merge(local.id_schema, { not = { enum = e.reserved_ids } })
          } } :
          property => rule[length(e.reserved_ids) == 0 ? "any" : "but"]
          if e.ids == "client"
        },
      ) })
      Item = merge(local.shapes[name].item, {
        properties = merge(local.properties[name], local.server_properties)
        required   = concat(keys(local.server_properties), try(local.shapes[name].item.required, []))
      })
      Page = {
        type     = "object"
        required = ["count", "items", "next"]
        properties = { for property, rule in {
          count = { type = "integer", format = "int32", description = "How many items are on this page." }
          items = { type = "array", items = { "$ref" = "#/components/schemas/${local.plural_names[name]}Item" } }
          next  = { type = "string", nullable = true, description = "The next page's cursor; null at the end." }
          owners = {
            type        = "array", items = { type = "string" }
            description = "Whose each item is, for callers who see the items of all owners."
          }
        } : property => rule if property != "owners" || e.owners }
      }
      Patch = merge(local.shapes[name].patch, {
        description = "The properties to change; null removes one (RFC 7396)."
        properties  = merge(try(local.shapes[name].patch.properties, {}), { id = local.repeated_id })
      })
      Replacement = merge(local.shapes[name].replacement, {
        properties = merge(try(local.shapes[name].replacement.properties, {}), { id = local.repeated_id })
      })
  } : "${local.plural_names[name]}${schema}" => rules if contains(local.used_schemas[name], schema) }]...)
}
