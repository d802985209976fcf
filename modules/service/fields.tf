# The shapes of entities with rules in `fields`, for the OpenAPI document and API Gateway's models:
# the shapes that build.py derives from the schema, without constraints on properties that a
# response or a body may lack.
locals {
  # Each entity's shapes as build.py derives them; null without a schema.
  built_shapes = { for name, e in local.readable_entities : name => try({
    # `present` may remove properties and add others.
    for shape, key in { body = "body", item = local.item_shapes[name], model = "model", patch = "patch", replacement = "body" } : shape =>
    shape == "item" && contains(local.entity_hooks[name], local.present) ?
    jsonencode({ for keyword, value in jsondecode(local.manifest.schemas[e.schema][key]) : keyword => value
      if !contains(["additionalProperties", "required"], keyword)
    }) :
    local.manifest.schemas[e.schema][key]
  }, null) }

  # The properties that each shape may lack. A PUT keeps the properties that its caller cannot read,
  # so its body may omit them.
  field_gaps = { for name, e in local.readable_entities : name => {
    body        = [for property, f in e.fields : property if f.write != null]
    item        = keys(e.fields)
    model       = keys(e.fields)
    patch       = []
    replacement = keys(e.fields)
  } if length(e.fields) > 0 && try(local.built_shapes[name] != null, false) }

  # Who a rule allows, in words.
  rule_words = { for rule in distinct(flatten([for rules in values(local.field_rules) : [for f in values(rules) : values(f)]])) : rule => (
    rule == "nobody" ? "Nobody" :
    rule == "owner" ? "Only the item's owner" :
    startswith(rule, "group=") ? "Only members of the group ${trimprefix(rule, "group=")}" :
    "Only access tokens with the scope ${replace(trimprefix(rule, "scope="), " ", " or ")}"
  ) }

  # Notes that are added to the properties of a shape. The web console reads the rules in the
  # OpenAPI document.
  field_notes = { for name, rules in local.field_rules : name => { for property, f in rules : property => {
    description = join(" ", [for rule, kinds in { for kind, rule in f : rule => kind... } :
      "${local.rule_words[rule]} may ${join(" or ", kinds)} it."
    ])
    read_only  = try(f.write == "nobody", false)
    rules      = { for kind, rule in f : { read = "x-readable-by", write = "x-writable-by" }[kind] => rule }
    write_only = try(f.read == "nobody", false)
  } } }

  # Keywords that apply to a whole object.
  combining_keywords = ["allOf", "anyOf", "enum", "not", "oneOf"]

  field_shapes = { for name, gaps in local.field_gaps : name => { for shape, lacking in gaps : shape => [
    for built in [jsondecode(local.built_shapes[name][shape])] : jsonencode(merge(
      { for keyword, value in built : keyword => value
        if !contains(["minProperties", "properties", "required"], keyword) && !(
          contains(local.combining_keywords, keyword) &&
          anytrue([for property in lacking : strcontains(jsonencode(value), jsonencode(property))])
        )
      },
      { for keyword, least in { minProperties = try(built.minProperties, 0) - length(lacking) } : keyword => least if least > 0 },
      { for keyword, names in { required = [for property in try(built.required, []) : property if !contains(lacking, property)] } :
        keyword => names if length(names) > 0
      },
      { for keyword, properties in built : keyword => { for property, rule in properties : property => jsondecode(
        shape == "model" || !can(local.field_rules[name][property]) ? jsonencode(rule) : jsonencode({
          for key, value in merge(
            # Items need not have a property that some callers cannot write, so a patch may remove
            # it.
            {
              as_it_is = rule
              any      = { anyOf = [rule, { enum = [null] }] }
              typed    = merge(rule, { nullable = true }, { for enum, values in rule : enum => concat(values, [null]) if enum == "enum" })
              }[
              shape != "patch" || length(rule) == 0 || !local.properties[name][property].required ||
              !can(local.field_rules[name][property].write) ? "as_it_is" :
              !can(rule.type) || length(setintersection(keys(rule), ["allOf", "anyOf", "not", "oneOf"])) > 0 ? "any" : "typed"
            ],
            { description = join("\n\n", compact([try(rule.description, ""), local.field_notes[name][property].description])) },
            local.field_notes[name][property].rules,
            { readOnly = true, writeOnly = true },
          ) : key => value
          # A property has at most one of the two.
          if key == "readOnly" ? (
            (local.field_notes[name][property].read_only || try(rule.readOnly, false)) &&
            !(shape == "item" && local.field_notes[name][property].write_only)
            ) : key == "writeOnly" ? (
            local.field_notes[name][property].write_only && !(shape != "item" && local.field_notes[name][property].read_only)
          ) : true
      })) } if keyword == "properties" },
    ))
  ][0] } }

  # The problems that operations can return because of `fields`: in a write, a property that the
  # caller may not write; in a list, a filter or a sort property that the caller may not read.
  field_problems = { for name, e in local.readable_entities : name => { for operation, form in local.forms[name] : operation => [
    for kind in ["forbidden"] : kind
    if form.body != null && length([for f in values(e.fields) : f if f.write != null]) > 0 || form.takes_filters && anytrue(flatten([
      for filter, f in e.filters : [for property in [filter, f.sort] : try(e.fields[property].read != null, false)]
    ]))
  ] } }
}
