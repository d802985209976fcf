# Own code: the hooks of entities, the operations that they may use, and the functions that run
# them.
locals {
  # The hooks and functions that build.py found in app/, by module.
  app = try(local.manifest.app, {})

  # All hooks. `present` gets the items of a response.
  present   = "present"
  all_hooks = toset(concat(compact([for o in values(local.operations) : try(o.hook, "")]), [local.present]))

  # The hooks in each entity's module.
  entity_hooks = { for name, e in var.entities : name => e.hooks == null ? [] : try(local.app[e.hooks.code].hooks, []) }

  # The hooks that run in each operation: at most one before the write, and `present`.
  operation_hooks = { for name, forms in local.forms : name => { for operation, form in forms : operation => [
    for hook in concat(
      compact([form.hook]),
      [for hook in [local.present] : hook
        if anytrue([for answer in values(form.answers) : contains(["Item", "Page"], try(answer.schema, ""))])
      ],
    ) : hook if contains(local.entity_hooks[name], hook)
  ] } }

  # The operations that each hook may use itself: by "entity.hook", then by entity.
  hook_uses = merge([for name, hooks in local.entity_hooks : { for hook in hooks :
    "${name}.${hook}" => try(var.entities[name].hooks.uses[hook], {})
  }]...)

  # A write by a hook runs a hook of the written entity, so the function also needs that hook's
  # permissions. Terraform has no recursion: each of these locals doubles the length of the chains
  # that are followed, up to 128.
  runs = { for hook, uses in local.hook_uses : hook => distinct(flatten([for name, operations in uses : [for o in operations :
    try(["${name}.${local.operations[o].hook}"], []) if try(contains(local.entity_hooks[name], local.operations[o].hook), false)
  ]])) }
  runs_2   = { for hook, others in local.runs : hook => distinct(concat(others, flatten([for o in others : local.runs[o]]))) }
  runs_4   = { for hook, others in local.runs_2 : hook => distinct(concat(others, flatten([for o in others : local.runs_2[o]]))) }
  runs_8   = { for hook, others in local.runs_4 : hook => distinct(concat(others, flatten([for o in others : local.runs_4[o]]))) }
  runs_16  = { for hook, others in local.runs_8 : hook => distinct(concat(others, flatten([for o in others : local.runs_8[o]]))) }
  runs_32  = { for hook, others in local.runs_16 : hook => distinct(concat(others, flatten([for o in others : local.runs_16[o]]))) }
  runs_64  = { for hook, others in local.runs_32 : hook => distinct(concat(others, flatten([for o in others : local.runs_32[o]]))) }
  runs_all = { for hook, others in local.runs_64 : hook => distinct(concat(others, flatten([for o in others : local.runs_64[o]]))) }

  circular_hooks = sort([for hook, others in local.runs_all : hook if contains(others, hook)])

  # The hooks of each function's operations, by the keys of local.functions.
  function_hooks = merge([for name, e in local.entities : {
    for package, operations in { for o in e.operations : (e.functions == "per_entity" ? "entity" : o) => o... } :
    "${name}.${package}" => sort(distinct(flatten([for o in operations : local.operation_hooks[name][o]])))
  }]...)

  # Every hook that each function may run, also indirectly, and the operations that these hooks may
  # use, by entity.
  function_hooks_all = { for key, hooks in local.function_hooks : key => sort(distinct(flatten([for hook in hooks :
    concat(["${split(".", key)[0]}.${hook}"], local.runs_all["${split(".", key)[0]}.${hook}"])
  ]))) }
  function_uses = { for key, hooks in local.function_hooks_all : key => { for name, uses in transpose({
    for o in keys(local.operations) : o => distinct(flatten([for hook in hooks : [for name, used in local.hook_uses[hook] : name
      if contains(used, o)
    ]]))
  }) : name => sort(uses) } }

  # DynamoDB's actions on tables and indexes, by function and entity.
  rights = merge([for entity, e in local.entities : {
    for package, operations in { for o in e.operations : (e.functions == "per_entity" ? "entity" : o) => o... } :
    "${entity}.${package}" => { for name in distinct(concat([entity], keys(local.function_uses["${entity}.${package}"]))) : name => {
      actions = sort(distinct(flatten(concat(
        [for o in operations : concat(
          local.forms[entity][o].actions,
          contains(local.entity_hooks[entity], coalesce(local.forms[entity][o].hook, "-")) ? local.forms[entity][o].hook_actions : [],
        ) if name == entity],
        [for o in lookup(local.function_uses["${entity}.${package}"], name, []) : concat(
          local.forms[name][o].actions,
          local.forms[name][o].own_code_actions,
          contains(local.entity_hooks[name], coalesce(local.forms[name][o].hook, "-")) ? local.forms[name][o].hook_actions : [],
        )],
      ))))
      index_actions = sort(distinct(flatten([
        for o in concat(name == entity ? operations : [], lookup(local.function_uses["${entity}.${package}"], name, [])) :
        local.forms[name][o].index_actions if length(local.entities[name].indexes) > 0
      ])))
    } }
  }]...)

  # The settings of the entities that own code in a function may use.
  used_entities = { for key, uses in local.function_uses : key => { for name, operations in uses : name => merge(
    {
      operations = operations
      options = { for setting, value in local.settings[name] : setting => value
        if try(length(value) > 0, value != null) && contains(flatten([for o in operations : local.operation_settings[name][o]]), setting)
      }
      table = local.entities[name].table
    },
    anytrue([for o in operations : contains(local.entity_hooks[name], coalesce(local.forms[name][o].hook, "-"))]) ?
    { hooks = var.entities[name].hooks.code } : {},
  ) } }

  # The package in dist/ that each function runs. With hooks, the package contains their code.
  zips = { for key, hooks in local.function_hooks : key => join(".", concat(
    [split(".", key)[1]],
    length(hooks) > 0 ? [var.entities[split(".", key)[0]].hooks.code] : [],
  )) }

  # Entities' names in ids of statements, which may contain only letters and digits.
  sids = { for name in keys(var.entities) : name => join("", [for word in split("-", name) : title(word)]) }

  hook_modules = sort([for name, module in local.app : name if length(module.hooks) > 0])

  # Faults in hooks that only the build can find.
  hook_faults = flatten([
    [for name, e in var.entities :
      !contains(keys(local.app), e.hooks.code) ?
      join("", [
        "entities.${name}.hooks.code: there is no app/${e.hooks.code}.py. Write it",
        length(local.hook_modules) == 0 ? "." : ", or name one of ${join(", ", local.hook_modules)}.",
      ]) :
      join(" ", [
        "entities.${name}.hooks.code: app/${e.hooks.code}.py defines no hook. Define one of ${join(", ", local.all_hooks)} in it, or leave",
        "hooks out.",
      ])
      if e.hooks != null && length(local.entity_hooks[name]) == 0
    ],
    [for name, e in var.entities : [for hook in keys(e.hooks.uses) :
      "entities.${name}.hooks.uses.${hook}: app/${e.hooks.code}.py defines no ${hook}. Define it, or leave its uses out."
      if contains(local.all_hooks, hook) && !contains(local.entity_hooks[name], hook)
    ] if e.hooks != null && length(local.entity_hooks[name]) > 0],
    [for hook in local.circular_hooks : join(" ", [
      "entities.${split(".", hook)[0]}.hooks.uses.${split(".", hook)[1]}: the hook would run itself through",
      "${join(", ", local.runs[hook])}. Remove an operation that leads back to it from uses.",
    ])],
  ])
}
