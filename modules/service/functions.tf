# Your own functions, derived from variables only.
locals {
  # The seconds in each unit of a backoff.
  duration_units = { s = 1, m = 60, h = 3600 }

  own_functions = { for name, f in { for name, f in local.valid_functions : name => merge(f, {
    changes = f.changes == null ? {} : f.changes
    handle  = try(split(":", f.code)[1], "handle")
    kind = (
      f.routes != null ? "routes" : f.changes != null ? "changes" :
      f.queue != null ? "queue" : f.schedule != null ? "schedule" : f.event != null ? "event" : "job"
    )
    module = try(split(":", f.code)[0], replace(name, "-", "_"))
    name   = "${var.name}-${name}-${var.environment}"
    routes = f.routes == null ? {} : f.routes
    }) } : name => merge(f, {
    # The queue for changes or jobs whose last attempt failed.
    dead_letters = f.kind == "routes" ? null : "${var.name}-${name}-failed-${var.environment}"
    # Jobs of every kind come from a queue. Changes come from the tables' streams.
    queue_name = contains(["changes", "routes"], f.kind) ? null : f.name
    retries = { for retries in [coalesce(f.queue, { attempts = 5, backoff = "10s-1h" })] : "queue" => {
      attempts = retries.attempts
      backoff = try([for part in split("-", retries.backoff) :
        tonumber(regex("^[0-9]+", part)) * local.duration_units[regex("[smh]$", part)]
      ], [10, 3600])
    } }["queue"]
    timeout = coalesce(f.timeout, f.kind == "routes" ? 29 : 60)
    zip     = "app.${f.module}"
  }) }

  # Built from names instead of resources, so that a plan shows the full URLs.
  queue_urls = { for name, f in local.own_functions :
    name => "https://sqs.${var.region}.${local.dns_suffix}/${local.account}/${f.queue_name}" if f.queue_name != null
  }
  dead_letter_urls = { for name, f in local.own_functions :
    name => "https://sqs.${var.region}.${local.dns_suffix}/${local.account}/${f.dead_letters}" if f.dead_letters != null
  }

  # The API's methods that your own functions serve, by route. A route that moves to another
  # function keeps its method.
  own_methods = merge([for name, f in local.own_functions : { for route, r in f.routes : route => merge({
    accepts     = sort(r.accepts)
    answers     = r.answers
    body        = r.body
    call        = r.call
    description = r.description
    function    = name
    method      = split(" ", route)[0]
    path        = try(trim(split(" ", route)[1], "/"), "")
    query       = r.query
    summary     = r.summary
  }, local.access_modes[coalesce(r.access, local.default_access)]) }]...)

  # The names of the schemas in routes, by file. Code refers to schemas by these names.
  schema_files = { for file in distinct(flatten([for m in values(local.own_methods) : [compact([m.body, m.query]), values(m.answers)]])) :
    file => trimsuffix(basename(file), ".json")
  }
  # The names of API Gateway's models for JSON bodies, by file. A name can contain only letters and
  # digits, so a digest of the file's path makes it unique.
  schema_model_names = { for file in distinct(compact([for m in values(local.own_methods) : m.body if length(m.accepts) == 0])) :
    file => join("", concat(
      [for word in split("-", replace(local.schema_files[file], "_", "-")) : title(word)], [substr(sha256(file), 0, 6), "Body"]
    ))
  }
  # The query parameters to declare: those with a name that API Gateway accepts.
  query_parameters = { for route, m in local.own_methods : route => m.query == null ? [] : [
    for name in keys(try(jsondecode(file("${var.project}/${m.query}")).properties, {})) : "querystring.${name}"
    if can(regex("^[A-Za-z0-9._-]+$", name))
  ] }

  # The hooks that run when a function writes, and the hooks that run when these hooks write.
  own_function_hooks = { for name, f in local.valid_functions : name => sort(distinct(flatten([for entity, operations in f.uses : [
    for o in operations : concat(["${entity}.${local.operations[o].hook}"], local.runs_all["${entity}.${local.operations[o].hook}"])
    if try(contains(local.entity_hooks[entity], local.operations[o].hook), false)
  ]]))) }

  # The operations that each function and its hooks may use, by entity.
  own_function_uses = { for name, f in local.valid_functions : name => { for entity in distinct(concat(
    keys(f.uses), flatten([for hook in local.own_function_hooks[name] : keys(local.hook_uses[hook])])
    )) : entity => sort(distinct(flatten(concat(
      [try(tolist(f.uses[entity]), [])], [for hook in local.own_function_hooks[name] : try(tolist(local.hook_uses[hook][entity]), [])]
    )))) if can(local.entities[entity])
  } }

  # DynamoDB's actions on entities' tables and indexes, by function. A list of all owners' items is
  # a Scan, because the list index groups items by owner.
  own_function_permissions = { for name, uses in local.own_function_uses : name => { for entity, operations in uses : entity => {
    actions = sort(distinct(flatten(concat(
      [for o in operations : concat(
        local.forms[entity][o].actions,
        local.forms[entity][o].own_code_actions,
        contains(local.entity_hooks[entity], coalesce(local.forms[entity][o].hook, "-")) ? local.forms[entity][o].hook_actions : [],
      ) if can(local.operations[o])],
      [for o in operations : "Scan"
        if o == "list" && local.entities[entity].owner != null && local.own_functions[name].owners == "any"
      ],
    ))))
    index_actions = sort(distinct(flatten([for o in operations : local.forms[entity][o].index_actions
      if can(local.operations[o]) && length(local.entities[entity].indexes) > 0
    ])))
  } } }

  own_function_statements = { for name, f in local.own_functions : name => concat(
    flatten([for entity, used in local.own_function_permissions[name] : [for statement in [
      { sid = "UseTableOf${local.sids[entity]}", actions = used.actions, resources = [local.table_arns[entity]] },
      {
        sid       = "QueryIndexesOf${local.sids[entity]}"
        actions   = used.index_actions
        resources = [for index in local.entities[entity].indexes : "${local.table_arns[entity]}/index/${index}"]
      },
    ] : merge(statement, { actions = [for action in statement.actions : "dynamodb:${action}"] }) if length(statement.actions) > 0]]),
    [for secrets in [values(f.secrets)] : {
      sid     = "ReadSecrets"
      actions = ["secretsmanager:GetSecretValue"]
      # An ARN without the six random characters that Secrets Manager appends matches with any six.
      resources = sort(distinct(flatten([for arn in secrets : can(regex("-[A-Za-z0-9]{6}$", arn)) ? [arn] : [arn, "${arn}-??????"]])))
    } if length(secrets) > 0],
    [for others in [[for other in f.sends : local.own_functions[other].queue_name if can(local.queue_urls[other])]] : {
      sid       = "SendJobs"
      actions   = ["sqs:SendMessage"]
      resources = [for other in sort(others) : "arn:${local.partition}:sqs:${var.region}:${local.account}:${other}"]
    } if length(others) > 0],
    [for n, s in f.statements : { sid = "Own${n}", actions = sort(s.actions), resources = sort(s.resources) }],
  ) }

  # The settings of the entities that a function and its hooks may use.
  own_function_entities = { for name, uses in local.own_function_uses : name => { for entity, operations in uses : entity => merge(
    {
      operations = operations
      options = { for setting, value in local.settings[entity] : setting => value
        if try(length(value) > 0, value != null) &&
        contains(flatten([for o in operations : try(local.operation_settings[entity][o], [])]), setting)
      }
      table = local.entities[entity].table
    },
    anytrue([for o in operations : contains(local.entity_hooks[entity], try(coalesce(local.forms[entity][o].hook), "-"))]) ?
    { hooks = var.entities[entity].hooks.code } : {},
  ) } }

  # The settings that trestle.own.function reads, without those that have their default.
  own_function_settings = { for name, f in local.own_functions : name => { for member, value in {
    changes = { for entity, kinds in f.changes : entity => [for change in kinds : merge(
      { kind = change.kind },
      # The tfvars give all values as strings. Convert them to the types of the schema.
      length(change.becomes) == 0 ? {} : { becomes = { for property, value in change.becomes : property => jsondecode(
        contains(["boolean", "integer", "number"], try(local.properties[entity][property].type, "")) ? value : jsonencode(value)
      ) } },
    )] }
    code         = f.module
    dead_letters = f.kind == "changes" ? local.dead_letter_urls[name] : null
    handle       = f.kind == "routes" ? null : f.handle
    fields       = f.fields == "caller" ? null : f.fields
    imports      = f.imports ? true : null
    kind         = f.kind
    name         = name
    owners       = f.owners == "caller" ? null : f.owners
    queue        = f.queue_name == null ? null : merge(f.retries, { url = local.queue_urls[name] })
    routes = { for route, m in local.own_methods : route => { for k, v in {
      accepts = m.accepts
      access  = m.access
      answers = { for status, schema in m.answers : status => trimsuffix(basename(schema), ".json") }
      body    = try(trimsuffix(basename(m.body), ".json"), null)
      call    = m.call
      group   = m.group
      query   = try(trimsuffix(basename(m.query), ".json"), null)
      # The gateway checks scopes only in the user pool's tokens.
      scope = m.access == "jwt" ? m.scope : null
    } : k => v if try(length(v) > 0, v != null) } if m.function == name }
    secrets  = f.secrets
    sends    = { for other in f.sends : other => local.queue_urls[other] if can(local.queue_urls[other]) }
    settings = keys(f.settings)
    tables   = { for entity in keys(f.changes) : local.entities[entity].table => entity if can(local.entities[entity]) }
    # Only needed with hooks: ENTITIES then also contains the operations of the hooks, which the
    # function itself must not use. Without hooks, `uses` equals the operations in ENTITIES.
    uses = length(local.own_function_hooks[name]) == 0 ? {} : { for entity, operations in f.uses : entity => sort(operations) }
  } : member => value if try(length(value) > 0, value != null) } }

  own_function_environments = { for name, f in local.own_functions : name => merge(
    f.settings,
    {
      ENVIRONMENT = var.environment
      FUNCTION    = jsonencode(local.own_function_settings[name])
      LOG_LEVEL   = f.log_level
    },
    local.metrics_namespace == null ? {} : { METRICS_NAMESPACE = local.metrics_namespace },
    f.kind == "routes" ? { CORS_ORIGINS = join(" ", var.cors_origins) } : {},
    length(local.own_function_entities[name]) == 0 ? {} : { ENTITIES = jsonencode(local.own_function_entities[name]) },
    # The emulator's account number: on a laptop, responses are validated against their schemas.
    local.account == "000000000000" && f.kind == "routes" ? { CHECK_ANSWERS = "1" } : {},
  ) }

  # The parameters of the Python function, by the kind of the function.
  handler_parameters = {
    changes  = "change, context", event = "event, context", job = "job, context", queue = "job, context", routes = "request, context"
    schedule = "job, context"
  }

  # The Python functions that each of your functions calls, by the attribute that names them.
  own_calls = { for name, f in local.own_functions : name => merge(
    { for route, r in f.routes : "functions.${name}.routes[\"${route}\"].call" => r.call },
    f.kind == "routes" ? {} : { "functions.${name}.code" = f.handle },
  ) }

  # Faults in own code, which need the build's manifest.
  function_faults = flatten([for name, f in local.own_functions : !contains(keys(local.app), f.module) ?
    [join(" ", [
      "functions.${name}.code: there is no app/${f.module}.py. Write it, or name another module in app/, such as code =",
      "\"${try(keys(local.app)[0], "orders")}\".",
    ])] :
    [for place, call in local.own_calls[name] :
      !contains(keys(local.app[f.module].functions), call) ?
      join("", [
        "${place}: app/${f.module}.py defines no ${call}. Write def ${call}(${local.handler_parameters[f.kind]}) in it, or name another",
        " function.",
      ]) :
      join("", [
        "${place}: app/${f.module}.py line ${local.app[f.module].functions[call].line}: ${call} ",
        # The build does not know the function's kind.
        replace(local.app[f.module].functions[call].fault, "event, context", local.handler_parameters[f.kind]),
      ])
      if try(local.app[f.module].functions[call].fault, "-") != ""
    ]
  ])

  own_code_faults = concat(local.hook_faults, local.function_faults)
}
