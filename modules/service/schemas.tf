# Facts from the schemas, and their faults. The validations of var.entities cannot check these
# faults: they must not read values derived from the variable, and a destroy runs them as well.
locals {
  # Each entity's schema; null if it has none, or one that cannot be read.
  schemas = { for name, e in var.entities : name => try(jsondecode(file("${var.project}/${e.schema}")), null) }

  # The facts about each entity's properties that filters and ttl need.
  properties = { for name, schema in local.schemas : name => {
    for property, rule in try(schema.properties, {}) : property => {
      format    = try(tostring(rule.format), "")
      read_only = try(rule.readOnly == true, false)
      required  = try(contains(schema.required, property), false)
      type      = try(tostring(rule.type), "")
    }
  } }

  # The methods that read or write an entity's properties for a caller: its operations, and routes
  # whose functions use it.
  field_methods = { for name, e in local.entities : name => { for kind, writes in { read = false, write = true } : kind => concat(
    [for m in values(local.methods) : { access = m.access } if m.entity == name && (
      writes ? local.forms[name][m.operation].body != null : length([for a in values(local.forms[name][m.operation].answers) : a
        if try(a.schema != null, false)
      ]) > 0
    )],
    [for m in values(local.own_methods) : { access = m.access } if length([
      for o in try(local.valid_functions[m.function].uses[name], []) : o
      if !writes || try(local.forms[name][o].body != null, false)
    ]) > 0],
  ) } if length(e.fields) > 0 }

  # The shape of each entity's items. Items may lack a required property that clients cannot write,
  # unless a hook sets it: before_create in new items, and before_update in the objects and arrays
  # that an update adds.
  item_shapes = { for name, e in var.entities : name =>
    !can(local.manifest.schemas[e.schema].unfilled) ? "item" : length(setsubtract(
      { nested = ["before_create", "before_update"], top = ["before_create"] }[local.manifest.schemas[e.schema].read_only],
      local.entity_hooks[name],
    )) == 0 ? "item" : "unfilled"
  }

  # If a schema cannot be read, only that fault of the entity is reported.
  readable_entities = { for name, e in var.entities : name => e if e.schema == null || can(keys(local.schemas[name])) }

  # One sentence each, which names the place and the remedy.
  faults = flatten(concat(
    local.function_rule_faults,
    local.trigger_faults,
    [for name, e in var.entities :
      !fileexists("${var.project}/${e.schema}") ?
      "entities.${name}.schema: there is no ${e.schema}. Write it, or leave the attribute out to accept any JSON object." :
      !can(jsondecode(file("${var.project}/${e.schema}"))) ?
      "entities.${name}.schema: ${e.schema} is not JSON. Run `python build.py`, which shows where the error is." :
      join(" ", [
        "entities.${name}.schema: ${e.schema} is not a JSON Schema. Make its outermost value an object, such as { \"type\": \"object\",",
        "\"properties\": {} }.",
      ])
      if !contains(keys(local.readable_entities), name)
    ],
    [for name, e in local.readable_entities : [
      for property in setintersection(keys(local.properties[name]), keys(local.contract.items.properties)) :
      "entities.${name}.schema: ${e.schema} declares ${property}, which the server sets. Remove it from the properties."
    ]],
    # Faults only in an entity's schema. A route's schema may contain the same.
    [for name, e in local.readable_entities :
      "entities.${name}.schema: ${e.schema}${local.manifest.schemas[e.schema].item_fault}."
      if try(
        length(setintersection(keys(local.properties[name]), keys(local.contract.items.properties))) == 0 &&
        local.manifest.schemas[e.schema].item_fault != "",
      false)
    ],
    [for name, e in local.readable_entities : [for filter in keys(e.filters) :
      e.schema == null ?
      join(" ", [
        "entities.${name}.filters.${filter}: only a property of a schema can be filtered on. Write a schema with a property ${filter}, and",
        "name it: schema = \"schemas/${name}.json\".",
      ]) :
      !can(local.properties[name][filter]) ?
      join(" ", [
        "entities.${name}.filters.${filter}: ${e.schema} has no property \"${filter}\". Write one of",
        "${join(", ", keys(local.properties[name]))}, or add it to the schema.",
      ]) :
      join(" ", [
        "entities.${name}.filters.${filter}: the property needs one type to filter on. Write \"type\": \"boolean\", \"integer\",",
        "\"number\" or \"string\" in ${e.schema}.",
      ])
      if !contains(["boolean", "integer", "number", "string"], try(local.properties[name][filter].type, ""))
    ]],
    [for name, e in local.readable_entities : [for filter, f in e.filters :
      !can(local.properties[name][f.sort]) ?
      join(" ", [
        "entities.${name}.filters.${filter}: ${e.schema} has no property \"${f.sort}\" to sort by. Write one of",
        "${join(", ", keys(local.properties[name]))}, or leave sort out to sort by createdAt.",
      ]) :
      !local.properties[name][f.sort].required ?
      join(" ", [
        "entities.${name}.filters.${filter}: ${f.sort} is not required, and an item without it could not be sorted. Add it to \"required\"",
        "in ${e.schema}, or leave sort out to sort by createdAt.",
      ]) :
      join(" ", [
        "entities.${name}.filters.${filter}: ${f.sort} needs one type that has an order. Write \"type\": \"integer\", \"number\" or",
        "\"string\" in ${e.schema}.",
      ])
      if e.schema != null && f.sort != local.filter_index.default_range && !try(
      local.properties[name][f.sort].required && contains(["integer", "number", "string"], local.properties[name][f.sort].type), false)
    ]],
    [for name, e in local.readable_entities : [for property, f in e.fields :
      e.schema == null ?
      join(" ", [
        "entities.${name}.fields.${property}: only a property of a schema can have rules. Write a schema with a property ${property}, and",
        "name it: schema = \"schemas/${name}.json\".",
      ]) :
      !can(local.properties[name][property]) ?
      join(" ", [
        "entities.${name}.fields.${property}: ${e.schema} has no top-level property \"${property}\". Write one of",
        "${join(", ", keys(local.properties[name]))}, or add it to the schema.",
      ]) :
      join(" ", [
        "entities.${name}.fields.${property}.write: ${e.schema} marks ${property} as readOnly, so no client can write it. Leave write out,",
        "or remove readOnly.",
      ])
      if try(!can(local.properties[name][property]) || local.properties[name][property].read_only && f.write != null, true)
    ]],
    [for name, e in local.readable_entities : [for property, f in e.fields : [for kind, rule in { read = f.read, write = f.write } :
      join(" ", [
        "entities.${name}.fields.${property}.${kind}: no operation that ${kind}s items needs a token, so nobody could ${kind} ${property}.",
        "Write \"cognito\" or \"jwt\" in access, or \"nobody\" here.",
      ])
      if rule != null && rule != "nobody" && !anytrue([for m in local.field_methods[name][kind] : contains(local.token_modes, m.access)])
    ]]],
    # The gateway passes the groups of a user pool's token to the function as one string, so their
    # names must not contain its separators.
    [for name, e in local.readable_entities : [for property, f in e.fields : [for kind, rule in { read = f.read, write = f.write } :
      join(" ", [
        "entities.${name}.fields.${property}.${kind}: a group of the user pool cannot have the name \"${trimprefix(rule, "group=")}\".",
        "Write up to 128 letters, digits and . _ -.",
      ])
      if rule != null && try(startswith(rule, "group="), false) && length(local.jwt_methods) == 0 &&
      !can(regex(local.label_pattern, trimprefix(rule, "group=")))
    ]]],
    [for name, e in local.readable_entities :
      !can(local.properties[name][e.ttl]) ?
      join(" ", [
        "entities.${name}.ttl: ${e.schema} has no property \"${e.ttl}\". Write one of ${join(", ", keys(local.properties[name]))}, or add",
        "it to the schema.",
      ]) :
      join(" ", [
        "entities.${name}.ttl: ${e.ttl} is not a time. Write \"type\": \"string\", \"format\": \"date-time\" in ${e.schema}, or \"type\":",
        "\"integer\" for seconds since 1970.",
      ])
      if e.ttl != null && e.schema != null && !try(
        local.properties[name][e.ttl].type == "integer" ||
      local.properties[name][e.ttl].type == "string" && local.properties[name][e.ttl].format == "date-time", false)
    ],
  ))
}
