variable "entities" {
  description = <<-EOT
    The entities that the API serves, by name. All attributes are optional.
    access: who may call, by operation; "default" applies to the others: open, api_key, iam, cognito (any signed-in user),
      cognito:group=NAME or cognito:scope=NAME; jwt, jwt:group=NAME or jwt:scope=NAME for tokens of the issuer in the variable jwt.
    acts_for: who may write the items of other owners: "group=NAME" or "scope=NAME".
    fields: who may read and write single properties of the schema: "group=NAME", "scope=NAME", "owner" or "nobody", such as { salary = {
      read = "group=hr", write = "group=hr" } }. Responses omit properties that the caller may not read. A request that sets properties that
      the caller may not write gets 403.
    filters: the properties that lists can be filtered by, each with its sort property, createdAt by default.
    function: settings of the entity's functions. With reserved_concurrency null they use the account's unreserved concurrency.
    functions: "per_operation" gives each operation a function with its own permissions; "per_entity" uses one function for all of them.
    hooks: your own Python code inside operations, in the module app/CODE.py: before_create, before_update, before_delete and present. The
      operations that each hook may use are in uses, by entity, such as { before_create = { rooms = ["get"] } }.
    ids: "server" generates every id; "client" accepts the id in a body.
    list: "created" orders lists by createdAt, with an index; "unordered" needs no index.
    operations: any of create, delete, get, list, merge, replace; [] for an entity that only your own code uses.
    owner: who owns items: "sub" for the user or client in the token's subject, "claim:NAME" for the value of a claim, such as a tenant.
      Callers reach only their own items, unless sees_all or acts_for allows more; other items return 404. Every operation needs the access
      cognito or jwt.
    path: the collection's path, such as "todos" or "v1/todos", of one to four segments; "/" is the root of the API. The default is the
      entity's name.
    put: "replace" accepts whole items; "merge" accepts partial ones.
    schema: a JSON Schema under schemas/. Without a schema, any JSON object is an item.
    sees_all: who may read the items of all owners: "group=NAME" or "scope=NAME". With acts_for or sees_all, these callers may name an
      owner in a request.
    ttl: a property with the time at which an item expires, as a date-time or in seconds since 1970.
  EOT
  type = map(object({
    access   = optional(map(string), {})
    acts_for = optional(string)
    fields   = optional(map(object({ read = optional(string), write = optional(string) })), {})
    filters  = optional(map(object({ sort = optional(string, "createdAt") })), {})
    function = optional(object({
      log_level            = optional(string, "INFO")
      memory_size          = optional(number, 256)
      reserved_concurrency = optional(number)
      snap_start           = optional(bool, false)
      timeout              = optional(number, 30)
    }), {})
    functions = optional(string, "per_operation")
    hooks = optional(object({
      code = string
      uses = optional(map(map(set(string))), {})
    }))
    ids        = optional(string, "server")
    list       = optional(string, "created")
    operations = optional(set(string))
    owner      = optional(string)
    path       = optional(string)
    put        = optional(string, "replace")
    schema     = optional(string)
    sees_all   = optional(string)
    ttl        = optional(string)
  }))
  nullable = false

  validation {
    condition     = length(var.entities) > 0
    error_message = "entities is empty. Write at least one entity: entities = { todos = {} }."
  }

  validation {
    condition     = alltrue([for e in values(var.entities) : e != null])
    error_message = join(" ", [for name, e in var.entities : "entities.${name} is null. Write ${name} = {}, or remove it." if e == null])
  }

  validation {
    condition = alltrue([for name in keys(var.entities) : length(name) <= 31 && can(regex(local.entity_pattern, name))])
    error_message = join(" ", [for name in keys(var.entities) : join("", [
      "entities: \"${name}\" ",
      name == "" ? "is empty" :
      can(regex("[^a-z0-9-]", name)) ?
      "contains ${lookup(local.character_names, regex("[^a-z0-9-]", name), "\"${regex("[^a-z0-9-]", name)}\"")}" :
      length(name) > 31 ? "has ${length(name)} characters" :
      can(regex("^-|-$|--", name)) ? "has a hyphen at its start or end, or two in a row" :
      "has a word that does not begin with a letter",
      ". Write up to 31 lower-case letters and digits, in words that begin with a letter and are joined by hyphens",
      # The same name in such words, if there is one.
      length(name) > 31 ?
      "." :
      try(", such as \"${regex(local.entity_pattern, trim(replace(lower(name), "/[^a-z0-9]+/", "-"), "-"))}\".", "."),
    ]) if length(name) > 31 || !can(regex(local.entity_pattern, name))])
  }

  validation {
    condition = alltrue([for e in values(var.entities) :
      alltrue([for o in coalesce(e.operations, local.all_operations) : try(contains(local.all_operations, o), false)])
      if e != null
    ])
    error_message = join(" ",
      [for name, unknown in { for name, e in var.entities : name => [for o in coalesce(e.operations, local.all_operations) :
        try("\"${o}\"", "null") if !try(contains(local.all_operations, o), false)] if e != null
        } : join("", [
          "entities.${name}.operations: there is no operation ${join(", ", unknown)}. ",
          "Write any of ${join(", ", keys(local.operations))}, or leave the attribute out for all of them."
    ]) if length(unknown) > 0])
  }

  validation {
    condition = length(var.entities) == 0 || anytrue(concat(
      [for e in values(var.entities) : try(length(e.operations) > 0, true)],
      [for f in values(var.functions) : try(length(f.routes) > 0, false)],
    ))
    error_message = join(" ", [
      "entities: no entity has an operation and no function has a route, so the API would be empty. Remove operations = [] from an entity,",
      "or add a route to a function.",
    ])
  }

  validation {
    condition = alltrue([for e in values(var.entities) : can(regex(local.module_pattern, e.hooks.code)) if try(e.hooks != null, false)])
    error_message = join(" ", [for name, e in var.entities : join(" ", [
      "entities.${name}.hooks.code: \"${e.hooks.code}\" is not the name of a module in app/. Write lower-case letters, digits and _,",
      "such as \"bookings\" for app/bookings.py.",
    ]) if try(e.hooks != null && !can(regex(local.module_pattern, e.hooks.code)), false)])
  }

  validation {
    condition = alltrue(flatten([for e in values(var.entities) : [for hook in keys(e.hooks.uses) : contains(local.all_hooks, hook)]
      if try(e.hooks.uses != null, false)
    ]))
    error_message = join(" ", flatten([for name, e in var.entities : [for hook in keys(e.hooks.uses) :
      "entities.${name}.hooks.uses: there is no hook \"${hook}\". Write any of ${join(", ", local.all_hooks)}."
      if !contains(local.all_hooks, hook)
    ] if try(e.hooks.uses != null, false)]))
  }

  validation {
    condition = alltrue(flatten([for e in values(var.entities) : [for uses in values(e.hooks.uses) : [for used in keys(uses) :
      contains(keys(var.entities), used)
    ] if uses != null] if try(e.hooks.uses != null, false)]))
    error_message = join(" ", flatten([for name, e in var.entities : [for hook, uses in e.hooks.uses : [for used in keys(uses) :
      "entities.${name}.hooks.uses.${hook}: there is no entity \"${used}\". Write one of ${join(", ", keys(var.entities))}."
      if !contains(keys(var.entities), used)
    ] if uses != null] if try(e.hooks.uses != null, false)]))
  }

  validation {
    condition = alltrue(flatten([for e in values(var.entities) : [for hook, uses in e.hooks.uses : uses == null ? [false] : flatten([
      for used, operations in uses : operations == null ? [false] : concat([length(operations) > 0], [for o in operations :
        try(contains(hook == local.present ? local.reading_operations : local.all_operations, o), false)
      ])
    ])] if try(e.hooks.uses != null, false)]))
    error_message = join(" ", flatten([for name, e in var.entities : [for hook, uses in e.hooks.uses : uses == null ?
      ["entities.${name}.hooks.uses.${hook} is null. Write ${hook} = {}, or remove it."] :
      [for used, operations in uses : join("", [
        "entities.${name}.hooks.uses.${hook}.${used}: ",
        try(length(operations) > 0, false) ?
        "${hook} cannot use ${join(", ", [for o in operations : try("\"${o}\"", "null") if !try(contains(
          hook == local.present ? local.reading_operations : local.all_operations, o
        ), false)])}. " : "the list is empty. ",
        "Write any of ${join(", ", hook == local.present ? local.reading_operations : local.all_operations)}",
        hook == local.present ? ": ${hook} only reads." : ", or leave ${used} out.",
        ]) if !try(length(operations) > 0 && alltrue([for o in operations :
          contains(hook == local.present ? local.reading_operations : local.all_operations, o)
      ]), false)]
    ] if try(e.hooks.uses != null, false)]))
  }

  validation {
    condition = alltrue(flatten([for e in values(var.entities) : [for operation, access in e.access :
      contains(concat(["default"], keys(local.operations)), operation) && can(regex(local.access_pattern, access))
    ] if e != null]))
    error_message = join(" ", flatten([for name, e in var.entities : [for operation, access in e.access :
      !contains(concat(["default"], keys(local.operations)), operation) ?
      "entities.${name}.access: there is no operation \"${operation}\". Write default or one of ${join(", ", keys(local.operations))}." :
      join(" ", [
        "entities.${name}.access.${operation}: ${try("\"${access}\"", "null")} is not an access mode.",
        local.access_advice[try(startswith(access, "jwt"), false) ? "jwt" : "others"],
      ])
      if !contains(concat(["default"], keys(local.operations)), operation) || !can(regex(local.access_pattern, access))
    ] if e != null]))
  }

  validation {
    condition = alltrue(flatten([for name, e in var.entities : [
      for operation in setsubtract(keys(e.access), ["default"]) :
      contains(coalesce(e.operations, local.all_operations), operation) || !contains(keys(local.operations), operation)
    ] if e != null]))
    error_message = join(" ", flatten([for name, e in var.entities : [for operation in setsubtract(keys(e.access), ["default"]) :
      "entities.${name}.access.${operation}: the entity has no operation ${operation}. Add it to operations, or remove its access."
      if !contains(coalesce(e.operations, local.all_operations), operation) && contains(keys(local.operations), operation)
    ] if e != null]))
  }

  validation {
    condition = alltrue([for e in values(var.entities) : can(regex(local.owner_pattern, e.owner)) if try(e.owner != null, false)])
    error_message = join(" ", [for name, e in var.entities :
      join(" ", [
        "entities.${name}.owner: \"${e.owner}\" is not an owner. Write \"sub\" for a token's subject, \"claim:NAME\" for the value of one",
        "of its claims, such as \"claim:tenant_id\", or leave owner out.",
      ])
      if try(e.owner != null && !can(regex(local.owner_pattern, e.owner)), false)
    ])
  }

  validation {
    condition = alltrue(flatten([for name, e in var.entities : [
      for operation in coalesce(e.operations, local.all_operations) :
      try(contains(local.token_modes, split(":", lookup(e.access, operation, lookup(e.access, "default", local.default_access)))[0]), true)
      if e.owner != null
    ] if e != null]))
    error_message = join(" ", [for name, others in { for name, e in var.entities : name => {
      for operation in coalesce(e.operations, local.all_operations) :
      lookup(e.access, operation, lookup(e.access, "default", local.default_access)) => operation...
      if e.owner != null &&
      try(
        !contains(local.token_modes, split(":", lookup(e.access, operation, lookup(e.access, "default", local.default_access)))[0]), false
      )
      } if e != null } :
      join(" ", [
        "entities.${name}.access: owner needs a token, but",
        join(" and ", [for access, operations in others : "\"${access}\" (${join(", ", operations)})"]),
        length(others) > 1 ? "do" : "does",
        "not require one. Write \"cognito\" or \"jwt\", with or without a group or a scope, or leave owner out.",
      ])
      if length(others) > 0
    ])
  }

  # Two issuers may give the same subject to different people.
  validation {
    condition = alltrue([for e in values(var.entities) : length(setintersection(local.token_modes, [
      for operation in coalesce(e.operations, local.all_operations) :
      try(split(":", lookup(e.access, operation, lookup(e.access, "default", local.default_access)))[0], "-")
    ])) < 2 if try(e.owner != null, false)])
    error_message = join(" ", [for name, e in var.entities : join(" ", [
      "entities.${name}.access: cognito and jwt identify owners separately, so the same name may belong to two people. Write one of them",
      "for all operations, or leave owner out.",
      ]) if length(setintersection(local.token_modes, [
        for operation in try(coalesce(e.operations, local.all_operations), []) :
        try(split(":", lookup(e.access, operation, lookup(e.access, "default", local.default_access)))[0], "-")
    ])) > 1 && try(e.owner != null, false)])
  }

  validation {
    condition = alltrue(flatten([for e in values(var.entities) : [for rule in [e.acts_for, e.sees_all] :
      can(regex(local.member_pattern, rule)) && !can(regex(local.common_scope_pattern, rule)) if rule != null
    ] if e != null]))
    error_message = join(" ", flatten([for name, e in var.entities : [
      for attribute, rule in { acts_for = try(e.acts_for, null), sees_all = try(e.sees_all, null) } : join(" ", [
        "entities.${name}.${attribute}: \"${rule}\" is not a valid rule. Write \"group=NAME\" or \"scope=NAME\", but no scope that",
        "every user's token may have, such as openid, or leave ${attribute} out.",
      ])
      if rule != null && try(!can(regex(local.member_pattern, rule)) || can(regex(local.common_scope_pattern, rule)), false)
    ]]))
  }

  validation {
    condition = alltrue([for e in values(var.entities) : e.owner != null || e.acts_for == null && e.sees_all == null if e != null])
    error_message = join(" ", [for name, e in var.entities : join(" ", [
      "entities.${name}: acts_for and sees_all require owner. Write owner = \"sub\" or owner = \"claim:NAME\", or remove acts_for and",
      "sees_all.",
    ]) if try(e.owner == null && (e.acts_for != null || e.sees_all != null), false)])
  }

  # Without this rule, acts_for and sees_all would silently have no effect.
  validation {
    condition = alltrue([for e in values(var.entities) :
      (e.sees_all == null || length(setintersection(coalesce(e.operations, local.all_operations), local.reading_operations)) > 0) &&
      (e.acts_for == null || length(setsubtract(coalesce(e.operations, local.all_operations), local.reading_operations)) > 0)
      if e != null
    ])
    error_message = join(" ", flatten([for name, e in var.entities : [for rule in [
      {
        attribute = "sees_all", needs = "get and list", value = e.sees_all,
        found     = setintersection(coalesce(e.operations, local.all_operations), local.reading_operations)
      },
      {
        attribute = "acts_for", needs = "create, replace, merge and delete", value = e.acts_for,
        found     = setsubtract(coalesce(e.operations, local.all_operations), local.reading_operations)
      },
      ] : join(" ", [
        "entities.${name}.${rule.attribute} applies to ${rule.needs}, but the entity has none of these operations. Add one, or",
        "remove ${rule.attribute}.",
    ]) if rule.value != null && length(rule.found) == 0] if e != null]))
  }

  validation {
    condition = alltrue([for e in values(var.entities) : !contains(keys(e.filters), "owner") || e.acts_for == null && e.sees_all == null
      if e != null
    ])
    error_message = join(" ", [for name, e in var.entities : join(" ", [
      "entities.${name}.filters.owner: with acts_for or sees_all, owner is the query parameter that selects an owner. Rename the",
      "property, or remove the filter.",
    ]) if try(contains(keys(e.filters), "owner") && (e.acts_for != null || e.sees_all != null), false)])
  }

  validation {
    condition = alltrue([for e in values(var.entities) : e.owner == null || e.list == "created" if e != null])
    error_message = join(" ", [for name, e in var.entities :
      join(" ", [
        "entities.${name}.list: owner needs list = \"created\", because a Scan would also read other owners' items, at your cost. Write",
        "that, or leave owner out.",
      ])
      if try(e.owner != null && e.list != "created", false)
    ])
  }

  validation {
    condition = alltrue(flatten([for e in values(var.entities) : [for f in values(e.fields) : try(f.read != null || f.write != null, false)]
      if e != null
    ]))
    error_message = join(" ", flatten([for name, e in var.entities : [for property, f in e.fields :
      "entities.${name}.fields.${property} has neither read nor write. Write read = \"group=NAME\", or remove it."
      if !try(f.read != null || f.write != null, false)
    ] if e != null]))
  }

  validation {
    condition = alltrue(flatten([for e in values(var.entities) : [for f in values(e.fields) : [for rule in [f.read, f.write] :
      can(regex(local.field_pattern, rule)) && !can(regex(local.common_scope_pattern, rule)) if rule != null
    ] if f != null] if e != null]))
    error_message = join(" ", flatten([for name, e in var.entities : [for property, f in e.fields : [
      for kind, rule in { read = try(f.read, null), write = try(f.write, null) } : can(regex(local.common_scope_pattern, rule)) ?
      join(" ", [
        "entities.${name}.fields.${property}.${kind}: every user's token may have the scope \"${trimprefix(rule, "scope=")}\". Name a",
        "scope of your own.",
      ]) :
      join(" ", [
        "entities.${name}.fields.${property}.${kind}: \"${rule}\" is not a valid rule. Write \"group=NAME\", \"scope=NAME\", \"owner\" or",
        "\"nobody\", or leave ${kind} out for everybody.",
      ])
      if rule != null && try(!can(regex(local.field_pattern, rule)) || can(regex(local.common_scope_pattern, rule)), false)
    ]] if e != null]))
  }

  validation {
    condition = alltrue(flatten([for e in values(var.entities) : [for f in values(e.fields) : e.owner != null ||
      !contains([for rule in [f.read, f.write] : coalesce(rule, "-")], "owner") if f != null
    ] if e != null]))
    error_message = join(" ", flatten([for name, e in var.entities : [for property, f in e.fields :
      "entities.${name}.fields.${property}: the items have no owners. Write owner = \"sub\", or a rule other than \"owner\"."
      if try(e.owner == null && contains([for rule in [f.read, f.write] : coalesce(rule, "-")], "owner"), false)
    ] if e != null]))
  }

  validation {
    condition = alltrue([for e in values(var.entities) : length(setintersection(
      keys(e.fields), keys(local.contract.items.properties)
    )) == 0 if e != null])
    error_message = join(" ", flatten([for name, e in var.entities : [
      for property in setintersection(keys(e.fields), keys(local.contract.items.properties)) :
      "entities.${name}.fields.${property}: the server sets ${property}, and everybody may read it. Remove it from fields."
    ] if e != null]))
  }

  validation {
    condition = alltrue([for e in values(var.entities) : contains(["per_entity", "per_operation"], e.functions) if e != null])
    error_message = join(" ", [for name, e in var.entities :
      "entities.${name}.functions: \"${e.functions}\" is not a valid value. Write \"per_operation\" or \"per_entity\"." if !try(
        contains(["per_entity", "per_operation"], e.functions), true
      )
    ])
  }

  validation {
    condition = alltrue([for e in values(var.entities) : contains(["client", "server"], e.ids) if e != null])
    error_message = join(" ", [for name, e in var.entities :
      "entities.${name}.ids: \"${e.ids}\" is not a valid value. Write \"server\" or \"client\"." if !try(
        contains(["client", "server"], e.ids), true
      )
    ])
  }

  validation {
    condition = alltrue([for e in values(var.entities) : contains(["created", "unordered"], e.list) if e != null])
    error_message = join(" ", [for name, e in var.entities :
      "entities.${name}.list: \"${e.list}\" is not a valid value. Write \"created\" or \"unordered\"." if !try(
        contains(["created", "unordered"], e.list), true
      )
    ])
  }

  validation {
    condition = alltrue([for e in values(var.entities) : contains(["merge", "replace"], e.put) if e != null])
    error_message = join(" ", [for name, e in var.entities :
      "entities.${name}.put: \"${e.put}\" is not a valid value. Write \"replace\" or \"merge\"." if !try(
        contains(["merge", "replace"], e.put), true
      )
    ])
  }

  validation {
    # An invalid name is reported only by the rule for names, not again as a path.
    condition = alltrue([for name, e in var.entities :
      try(e.path == "/", false) ||
      (
        can(regex(local.path_pattern, try(coalesce(e.path), e.path == null ? name : ""))) &&
        !can(regex(local.reserved_path, try(coalesce(e.path), name)))
      )
      if try(e.path != null, false) || can(regex(local.entity_pattern, name))
    ])
    error_message = join(" ",
      [for name, path in { for name, e in var.entities : name => try(e.path == null, true) ? name : e.path
        } : join("", [
          "entities.${name}.path: \"${path}\" ",
          path == "" ? "is empty" :
          can(regex("[^A-Za-z0-9._/-]", path)) ?
          "contains ${lookup(local.character_names, regex("[^A-Za-z0-9._/-]", path), "\"${regex("[^A-Za-z0-9._/-]", path)}\"")}" :
          can(regex("//|/$", path)) ? "has an empty segment" :
          can(regex("(^|/)[.][.]?(/|$)", path)) ?
          "has a segment \"${try(regex("(?:^|/)([.][.]?)(?:/|$)", path)[0], "")}\", which clients resolve before they send a request" :
          can(regex("^/?openapi[.]json$", path)) ? "is the path of the OpenAPI document" :
          can(regex(local.reserved_path, path)) ? "begins with /ping or /sping, which API Gateway uses for its own health checks" :
          "has ${length(split("/", trimprefix(path, "/")))} segments",
          ". Write one to four segments of letters, digits and . _ -, such as \"todos\" or \"v1/todos\"; \"/\" is the root of the API."
        ]) if path != "/" && (!can(regex(local.path_pattern, path)) || can(regex(local.reserved_path, path))) &&
    (path != name || can(regex(local.entity_pattern, name)))])
  }

  validation {
    condition = alltrue([
      for names in values({ for name, e in var.entities : trim(try(coalesce(e.path, name), name), "/") => name...
        if try(length(e.operations) > 0, true)
      }) : length(names) == 1
    ])
    error_message = join(" ",
      [for path, names in { for name, e in var.entities : trim(try(coalesce(e.path, name), name), "/") => name...
        if try(length(e.operations) > 0, true)
        } :
        join(" ", [
          "entities: ${join(" and ", names)} have the same path, \"${path == "" ? "/" : path}\". Give each its own path. The default is",
          "the entity's name.",
        ]) if length(names) > 1
    ])
  }

  validation {
    condition = alltrue([for e in values(var.entities) :
      contains(["DEBUG", "ERROR", "INFO", "WARNING"], e.function.log_level)
      if e != null
    ])
    error_message = join(" ", [for name, e in var.entities :
      join(" ", [
        "entities.${name}.function.log_level: \"${e.function.log_level}\" is not a level. Write \"DEBUG\", \"INFO\", \"WARNING\" or",
        "\"ERROR\".",
      ])
      if !try(contains(["DEBUG", "ERROR", "INFO", "WARNING"], e.function.log_level), true)
    ])
  }

  validation {
    condition = alltrue(flatten([for e in values(var.entities) : [for attribute, bounds in local.function_bounds :
      try(e.function[attribute] == null, true) ||
      try(
        e.function[attribute] >= bounds[0] && e.function[attribute] <= bounds[1] && floor(e.function[attribute]) == e.function[attribute],
        true
      )
    ]]))
    error_message = join(" ", flatten([for name, e in var.entities : [for attribute, bounds in local.function_bounds :
      "entities.${name}.function.${attribute} is ${e.function[attribute]}. Write a whole number from ${bounds[0]} to ${bounds[1]}."
      if !try(
        e.function[attribute] >= bounds[0] && e.function[attribute] <= bounds[1] && floor(e.function[attribute]) == e.function[attribute],
        true
      )
    ]]))
  }

  validation {
    condition = alltrue(flatten([for name, e in var.entities : [
      for operation in coalesce(e.operations, local.all_operations) :
      length("${var.name}-${name}-${e.functions == "per_entity" ? "entity" : operation}-${var.environment}") <= 64
      if operation != null
    ] if e != null]))
    error_message = join(" ", flatten([for name, e in var.entities : [
      # One message for each entity, about its longest name.
      for longest in slice(reverse(sort([for function in [for operation in coalesce(e.operations, local.all_operations) :
        "${var.name}-${name}-${e.functions == "per_entity" ? "entity" : operation}-${var.environment}" if operation != null
      ] : format("%03d %s", length(function), function)])), 0, 1) :
      join(" ", [
        "entities.${name}: the function name \"${substr(longest, 4, -1)}\" has ${tonumber(substr(longest, 0, 3))} characters,",
        "${tonumber(substr(longest, 0, 3)) - 64} more than the 64 that AWS allows. Shorten the entity's name, name or environment.",
      ])
      if tonumber(substr(longest, 0, 3)) > 64
    ] if try(length(compact(coalesce(e.operations, local.all_operations))) > 0, false)]))
  }

  validation {
    condition = alltrue([for e in values(var.entities) :
      e.schema == null || can(regex("^schemas/[A-Za-z0-9_-]+\\.json$", e.schema))
      if e != null
    ])
    error_message = join(" ", [for name, e in var.entities :
      join(" ", [
        "entities.${name}.schema: \"${e.schema}\" is not a valid path. Write schemas/NAME.json with letters, digits, _ and - in NAME, such",
        "as \"schemas/todo.json\".",
      ])
      if try(e.schema != null && !can(regex("^schemas/[A-Za-z0-9_-]+\\.json$", e.schema)), false)
    ])
  }

  validation {
    condition = alltrue([for e in values(var.entities) : e.ttl != "" if e != null])
    error_message = join(" ", [for name, e in var.entities :
      "entities.${name}.ttl is empty. Write the name of a property that contains a time, or leave it out." if try(e.ttl == "", false)
    ])
  }

  # A filter is a parameter of the list, and one parameter cannot have two meanings.
  validation {
    condition = alltrue(flatten([for e in values(var.entities) : [for filter in keys(e.filters) :
      filter != "" && length(urlencode(filter)) <= 1024 && !contains(local.list_parameter_names, filter) &&
      !contains(
        flatten([for f in values(e.filters) : [for operator in local.bound_operators : "${f.sort}.${operator}"] if f != null]), filter
      )
    ] if e != null]))
    error_message = join(" ", flatten([for name, e in var.entities : [for filter in keys(e.filters) :
      contains(local.list_parameter_names, filter) ?
      "entities.${name}.filters.${filter}: every list has the parameters cursor, fields, limit and order. Give the property another name." :
      filter == "" ?
      "entities.${name}.filters: the name \"\" is empty. Remove the filter, or write the name of a property." :
      length(urlencode(filter)) > 1024 ?
      join(" ", [
        "entities.${name}.filters: \"${substr(filter, 0, 40)}...\" takes ${length(urlencode(filter))} characters in a URL, and a filter's",
        "name may have 1024. Give the property a shorter name.",
      ]) :
      join(" ", [
        "entities.${name}.filters: \"${filter}\" is also the range parameter of lists sorted by",
        "\"${regex("^(?s:(.*))[.]", filter)[0]}\". Rename one of the two properties, or leave the filter out.",
      ])
      if filter == "" || length(urlencode(filter)) > 1024 || contains(local.list_parameter_names, filter) ||
      contains(
        flatten([for f in values(e.filters) : [for operator in local.bound_operators : "${f.sort}.${operator}"] if f != null]), filter
      )
    ] if e != null]))
  }

  validation {
    condition = alltrue(flatten([for e in values(var.entities) : [for filter in values(e.filters) : filter != null] if e != null]))
    error_message = join(" ", flatten([for name, e in var.entities : [for filter, f in e.filters :
      "entities.${name}.filters.${filter} is null. Write ${filter} = {}, or remove it." if f == null
    ] if e != null]))
  }

  validation {
    condition = alltrue([for e in values(var.entities) : length(e.filters) +
      length([for other in [e.list == "created", e.sees_all != null, e.acts_for != null || e.sees_all != null] : other if other]) <= 20
      if e != null
    ])
    error_message = join(" ", [for name, e in var.entities :
      join(" ", concat(
        [
          "entities.${name}.filters: the entity has ${length(e.filters)} filters, and each needs an index. DynamoDB allows 20 indexes a",
          "table, and list = \"created\" uses one.",
        ],
        e.acts_for == null && e.sees_all == null ? ["Write at most 19 filters, or 20 with list = \"unordered\"."] : [
          e.sees_all == null ? "acts_for uses another one. Write at most 18 filters." : "sees_all uses two more. Write at most 17 filters.",
        ],
      ))
      if try(length(e.filters) + length([
        for other in [e.list == "created", e.sees_all != null, e.acts_for != null || e.sees_all != null] : other if other
      ]) > 20, false)
    ])
  }
}
