locals {
  partition = data.aws_partition.current.partition
  account   = data.aws_caller_identity.current.account_id
  # What ARNs and service names are composed with, so that a plan already shows them whole.
  scope = {
    account_id = local.account
    dns_suffix = data.aws_partition.current.dns_suffix
    partition  = local.partition
    region     = var.region
  }

  # Null when build.py has not run: terraform_data.build then says so.
  manifest = try(jsondecode(file("${path.root}/dist/manifest.json")), null)

  # What each operation is to HTTP, what a caller may send with it besides the id, which of the entity's settings its
  # function reads, and what it asks of DynamoDB's table (a list asks its indexes, if it has any).
  operations = {
    create = {
      method   = "POST", on_item = false, parameters = ["header.Idempotency-Key"],
      settings = ["filters", "ids", "list", "schema", "ttl"], actions = ["PutItem"]
    }
    delete = {
      method   = "DELETE", on_item = true, parameters = ["header.If-Match"],
      settings = ["ttl"], actions = ["DeleteItem"]
    }
    get = {
      method   = "GET", on_item = true, parameters = ["header.If-None-Match"],
      settings = ["ttl"], actions = ["GetItem"]
    }
    list = {
      method   = "GET", on_item = false, parameters = ["querystring.cursor", "querystring.fields", "querystring.limit"],
      settings = ["filters", "list", "ttl"], actions = ["Scan"]
    }
    merge = {
      method   = "PATCH", on_item = true, parameters = ["header.If-Match"],
      settings = ["filters", "schema", "ttl"], actions = ["GetItem", "UpdateItem"]
    }
    replace = {
      method   = "PUT", on_item = true, parameters = ["header.If-Match"],
      settings = ["filters", "put", "schema", "ttl"], actions = ["UpdateItem"]
    }
  }

  entities = { for name, e in var.entities : name => merge(e, {
    # An index per filter. Numbers have to sort as numbers; createdAt is the server's, and a string.
    filters = { for filter, f in e.filters : filter => {
      range  = f.sort == "createdAt" ? "createdAt" : "sort_${f.sort}"
      sort   = f.sort
      number = contains(["integer", "number"], try(local.properties[name][f.sort].type, ""))
    } }
    indexes = concat([for index in ["created"] : index if e.list == index], [for filter in keys(e.filters) : "by_${filter}"])
    path    = trim(coalesce(e.path, name), "/")
    table   = "${var.name}-${name}-${var.environment}"
  }) }

  # What a list takes besides: an order if it has one, filters, and bounds such as "dueDate.gte" of what these sort by.
  bounds = { for name, e in local.entities : name => flatten([for sort, numbers in { for f in values(e.filters) : f.sort => f.number... } :
    [for operator in ["gt", "gte", "lt", "lte", "prefix"] : "${sort}.${operator}" if operator != "prefix" || !numbers[0]]
  ]) }
  list_parameters = { for name, e in local.entities : name => [
    for parameter in concat(["order"], keys(e.filters), local.bounds[name]) : "querystring.${parameter}" if length(e.indexes) > 0
  ] }

  table_arns = { for name, e in local.entities :
    name => "arn:${local.partition}:dynamodb:${var.region}:${local.account}:table/${e.table}"
  }

  # One function per entity and operation, or one called "entity" for all of them: by "entity.operation".
  functions = merge([for entity, e in local.entities : {
    for package, operations in { for o in e.operations : (e.functions == "per_entity" ? "entity" : o) => o... } : "${entity}.${package}" => {
      entity  = entity
      name    = "${var.name}-${entity}-${package}-${var.environment}"
      package = package
      settings = { for setting, value in {
        filters = length(e.filters) == 0 ? null : { for name, f in e.filters : name => { for k, sort in { sort = f.sort } : k => sort if sort != "createdAt" } }
        ids     = e.ids
        list    = e.list
        put     = e.put
        schema  = try(trimsuffix(basename(e.schema), ".json"), null)
        ttl     = e.ttl
        } : setting => value if value != null && contains(flatten([
          for o in operations : concat(local.operations[o].settings, o == "list" && length(e.filters) > 0 ? ["schema"] : [])
      ]), setting) }
      statements = [for statement in [
        {
          sid = "UseTable"
          # A merging PUT reads the item it merges into, as PATCH does.
          actions = sort(distinct(flatten([
            for o in operations : local.operations[o == "replace" && e.put == "merge" ? "merge" : o].actions
            if o != "list" || e.list == "unordered"
          ])))
          resources = [local.table_arns[entity]]
        },
        {
          sid       = "QueryIndexes"
          actions   = [for o in operations : "Query" if o == "list" && length(e.indexes) > 0]
          resources = [for index in e.indexes : "${local.table_arns[entity]}/index/${index}"]
        },
      ] : merge(statement, { actions = [for action in statement.actions : "dynamodb:${action}"] }) if length(statement.actions) > 0]
    }
  }]...)

  # One method of the API per entity and operation, and the function that answers it.
  methods = merge([for entity, e in local.entities : {
    for operation in e.operations : "${entity}.${operation}" => {
      access    = lookup(e.access, operation, lookup(e.access, "default", "api_key"))
      entity    = entity
      function  = "${entity}.${e.functions == "per_entity" ? "entity" : operation}"
      operation = operation
    }
  }]...)

  routes = { for key, m in local.methods : key => {
    access   = m.access
    function = module.function[m.function].name
    method   = local.operations[m.operation].method
    # A partial body is judged by the function alone: no schema can tell what the item will be.
    model = (
      !contains(["create", "merge", "replace"], m.operation) ? "Empty" :
      m.operation == "merge" || m.operation == "replace" && local.entities[m.entity].put == "merge" ? "Patch" :
      local.model_names[m.entity]
    )
    parameters = concat(local.operations[m.operation].parameters, [for parameter in local.list_parameters[m.entity] : parameter if m.operation == "list"])
    path       = join("/", compact([local.entities[m.entity].path, local.operations[m.operation].on_item ? "{id}" : ""]))
    qualifier  = module.function[m.function].alias
  } }

  # Letters and digits are all that a model's name takes. The suffix keeps an entity called "patch" or "empty" apart.
  model_names = { for name in keys(var.entities) : name => "${join("", [for word in split("-", name) : title(word)])}Body" }

  models = merge(
    { Patch = jsonencode({ type = "object" }) },
    { for name, model in module.openapi.models : local.model_names[name] => model },
  )

  kms_key_arn = one(module.encryption[*].key_arn)

  api_keys = coalesce(var.api_keys, { default = keys(var.usage_plans)[0] })
  keyed    = var.api_keys != null || contains(concat(values(local.methods)[*].access, [var.docs]), "api_key")
}
