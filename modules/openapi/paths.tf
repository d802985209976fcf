locals {
  # Of each operation: method, name, parameters besides the id, the problems it alone can have, and what success answers.
  operations = {
    create = {
      description = "With an Idempotency-Key it can be sent again safely."
      method      = "post", summary = "Create one", on_item = false, body = "Body", problems = ["400", "413", "415", "422"], parameters = ["idempotency-key"]
      status      = "201", answer = "The new item.", content = "Item", headers = ["ETag", "Idempotency-Replayed", "Location"]
    }
    delete = {
      description = "Whatever its state, unless If-Match names one."
      method      = "delete", summary = "Delete one", on_item = true, body = "", problems = ["400", "404", "412"], parameters = ["if-match"]
      status      = "204", answer = "It is gone.", content = "", headers = []
    }
    get = {
      description = "As the last write left it."
      method      = "get", summary = "Read one", on_item = true, body = "", problems = ["400", "404", "412"], parameters = ["if-match", "if-none-match"]
      status      = "200", answer = "The item as it is now.", content = "Item", headers = ["ETag"]
    }
    list = {
      description = "`next` and the header Link lead to the next page. Takes one filter at a time, and bounds on its sort property: a start, an end or both, or a prefix."
      method      = "get", summary = "List a page", on_item = false, body = "", problems = ["400"], parameters = ["cursor", "fields", "limit"]
      status      = "200", answer = "The page.", content = "Page", headers = ["Link"]
    }
    merge = {
      description = "By a JSON merge patch (RFC 7396)."
      method      = "patch", summary = "Change some properties of one", on_item = true, body = "Patch", problems = ["400", "404", "409", "412", "413", "415", "422"]
      status      = "200", answer = "The item as it is now.", content = "Item", headers = ["ETag"], parameters = ["if-match"]
    }
    replace = {
      description = "What the body leaves out goes, or gets its default."
      method      = "put", summary = "Replace one", on_item = true, body = "Body", problems = ["400", "404", "412", "413", "415", "422"]
      status      = "200", answer = "The item as it is now.", content = "Item", headers = ["ETag"], parameters = ["if-match"]
    }
  }

  # The operations there are, with what depends on the entity.
  calls = flatten([for entity, e in var.entities : [for operation, access in e.access : merge(
    local.operations[operation],
    {
      access    = access.kind
      allowed   = join("", [for group in access.group[*] : " For members of the group ${group}."], [for scope in access.scope[*] : " For tokens with the scope ${scope}."])
      entity    = entity
      id        = "${operation}${operation == "list" ? local.names[entity] : local.one[entity]}"
      operation = operation
      # A bearer has no scopes in OpenAPI 3.0.
      scopes = [for scope in access.scope[*] : scope if local.tokens != "http"]
      path   = "/${join("/", compact([e.path, local.operations[operation].on_item ? "{id}" : ""]))}"
      problems = concat(
        local.operations[operation].problems,
        access.kind == "cognito" ? ["401"] : [],
        access.kind == "open" ? [] : ["403"],
        operation == "create" && e.ids == "client" || operation == "replace" && e.put == "merge" ? ["409"] : [],
        local.any_time,
      )
    },
    operation == "replace" && e.put == "merge" ? { body = "Patch", description = "What the body leaves out stays.", summary = "Change some properties of one" } : {},
  )]])

  # A list's parameters beyond those of every list.
  own_parameters = { for entity, e in var.entities : entity => concat(
    [for filter, sort in e.filters : {
      name        = filter, in = "query"
      description = "Items with this ${filter}, sorted by ${sort}."
      # The web console reads from here which bounds go with which filter.
      x-sorted-by = sort
      # All of the property's rules: the server judges a filter's value by them, and takes texts of up to 1024 bytes.
      schema = merge(
        { for keyword, value in try(local.properties[entity][filter], {}) : keyword => value if !contains(["default", "description"], keyword) },
        { for keyword, value in { maxLength = min(1024, try(local.properties[entity][filter].maxLength, 1024)) } :
          keyword => value if try(local.properties[entity][filter].type, "") == "string"
        },
      )
    }],
    [for bound in e.bounds : {
      name        = bound.name, in = "query"
      description = "Items whose ${bound.sort} ${local.comparisons[bound.operator]}. Goes with ${join(" or ", [for filter, sort in e.filters : filter if sort == bound.sort])}."
      schema      = { number = { type = "number" }, text = local.texts }[contains(["integer", "number"], try(local.properties[entity][bound.sort].type, "")) ? "number" : "text"]
    } if bound.sort != "createdAt"],
  ) }
  comparisons = { gt = "is greater", gte = "is greater or equal", lt = "is less", lte = "is less or equal", prefix = "begins with it" }

  paths = { for path in distinct(local.calls[*].path) : path => merge(
    { for call in local.calls : call.method => merge(
      {
        description = "${call.description}${call.allowed}"
        operationId = call.id
        summary     = "${call.summary} of ${call.entity}"
        tags        = [call.entity]
        security    = [for access in [call.access] : { (access) = call.scopes } if access != "open"]
        parameters = concat(
          [for parameter in concat(
            call.parameters,
            call.operation == "list" && var.entities[call.entity].ordered ? ["order"] : [],
            call.operation == "list" ? [for bound in var.entities[call.entity].bounds : bound.name if bound.sort == "createdAt"] : [],
          ) : { "$ref" = "#/components/parameters/${parameter}" }],
          [for parameter in local.own_parameters[call.entity] : parameter if call.operation == "list"],
        )
        responses = merge(
          # In place, since swagger-typescript-api ignores the body of a referenced answer.
          { for status in [call.status] : status => merge(
            { description = call.answer, headers = { for header in call.headers : header => { "$ref" = "#/components/headers/${header}" } } },
            { for key, name in { content = call.content } : key => {
              "application/json"         = { schema = { "$ref" = "#/components/schemas/${local.names[call.entity]}${name}" } }
            } if name != "" },
          ) },
          { for status in ["304"] : status => { "$ref" = "#/components/responses/NotModified" } if call.operation == "get" },
          { for status in call.problems : status => { "$ref" = "#/components/responses/${local.problems[status].name}" } },
        )
      },
      { for key, name in { requestBody = call.body } : key => {
        required                       = true
        content = { for type in concat(["application/json"], call.method == "patch" ? ["application/merge-patch+json"] : []) : type => {
          schema = { "$ref" = "#/components/schemas/${local.names[call.entity]}${name}" }
        } }
      } if name != "" },
    ) if call.path == path },
    { for key, parameters in { parameters = [{ "$ref" = "#/components/parameters/id" }] } : key => parameters if endswith(path, "{id}") },
  ) }
}
