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
  # function reads, and what it asks of DynamoDB.
  operations = {
    create = {
      method   = "POST", on_item = false, parameters = ["header.Idempotency-Key"],
      settings = ["ids", "list", "schema"], actions = ["PutItem"]
    }
    delete = {
      method   = "DELETE", on_item = true, parameters = ["header.If-Match"],
      settings = [], actions = ["DeleteItem"]
    }
    get = {
      method   = "GET", on_item = true, parameters = ["header.If-None-Match"],
      settings = [], actions = ["GetItem"]
    }
    list = {
      method   = "GET", on_item = false, parameters = [for p in ["cursor", "fields", "limit", "order"] : "querystring.${p}"],
      settings = ["list"], actions = ["Query"]
    }
    merge = {
      method   = "PATCH", on_item = true, parameters = ["header.If-Match"],
      settings = ["schema"], actions = ["GetItem", "UpdateItem"]
    }
    replace = {
      method   = "PUT", on_item = true, parameters = ["header.If-Match"],
      settings = ["put", "schema"], actions = ["UpdateItem"]
    }
  }

  entities = { for name, e in var.entities : name => merge(e, {
    path  = trim(coalesce(e.path, name), "/")
    table = "${var.name}-${name}-${var.environment}"
  }) }

  table_arns = { for name, e in local.entities :
    name => "arn:${local.partition}:dynamodb:${var.region}:${local.account}:table/${e.table}"
  }

  # One function, and one method of the API, per entity and operation: by "entity.operation".
  functions = merge([for entity, e in local.entities : {
    for operation in e.operations : "${entity}.${operation}" => {
      access    = lookup(e.access, operation, lookup(e.access, "default", "api_key"))
      entity    = entity
      name      = "${var.name}-${entity}-${operation}-${var.environment}"
      operation = operation
      resource  = "${local.table_arns[entity]}${operation == "list" && e.list == "created" ? "/index/created" : ""}"
      # A merging PUT reads the item it merges into, as PATCH does.
      actions = (
        operation == "list" && e.list == "unordered" ? ["Scan"] :
        operation == "replace" && e.put == "merge" ? local.operations.merge.actions :
        local.operations[operation].actions
      )
      settings = { for setting, value in {
        ids = e.ids, list = e.list, put = e.put, schema = try(trimsuffix(basename(e.schema), ".json"), null)
      } : setting => value if value != null && contains(local.operations[operation].settings, setting) }
    }
  }]...)

  routes = { for key, f in local.functions : key => {
    access   = f.access
    function = module.function[key].name
    method   = local.operations[f.operation].method
    # A partial body is judged by the function alone: no schema can tell what the item will be.
    model = (
      !contains(["create", "merge", "replace"], f.operation) ? "Empty" :
      contains(f.actions, "GetItem") ? "Patch" : local.model_names[f.entity]
    )
    parameters = local.operations[f.operation].parameters
    path       = join("/", compact([local.entities[f.entity].path, local.operations[f.operation].on_item ? "{id}" : ""]))
    qualifier  = module.function[key].alias
  } }

  # Letters and digits are all that a model's name takes. The suffix keeps an entity called "patch" or "empty" apart.
  model_names = { for name in keys(var.entities) : name => "${join("", [for word in split("-", name) : title(word)])}Body" }

  models = merge(
    { Patch = jsonencode({ type = "object" }) },
    { for name, e in var.entities : local.model_names[name] =>
      # API Gateway knows JSON Schema as of draft 4, and refuses newer keywords even where it judges nothing.
      !var.validate_bodies_at_gateway || e.schema == null ? jsonencode({ type = "object" }) : jsonencode({
        for keyword, value in jsondecode(file("${path.root}/${e.schema}")) : keyword => value if !contains(["$id", "$schema"], keyword)
      })
    }
  )

  kms_key_arn = one(module.encryption[*].key_arn)

  api_keys = coalesce(var.api_keys, { default = keys(var.usage_plans)[0] })
  keyed    = var.api_keys != null || contains(values(local.functions)[*].access, "api_key")
}
