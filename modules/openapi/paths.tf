locals {
  # The entities' operations.
  calls = flatten([for entity, e in var.entities : [for operation, o in e.operations : merge(o, {
    access = o.access.kind
    allowed = join(
      "",
      [for group in o.access.group[*] : " For members of the group ${group}."],
      [for scope in o.access.scope[*] : " For tokens with the scope ${scope}."]
    )
    entity = entity
    id     = "${operation}${o.plural ? local.plural_names[entity] : local.singular_names[entity]}"
    method = lower(o.method)
    # Component names omit a parameter's location (header, path or query).
    parameters = [for parameter in o.parameters : lower(split(".", parameter)[1])]
    # In OpenAPI 3.0, bearer schemes have no scopes.
    scopes = [for scope in o.access.scope[*] : scope if o.access.kind == "cognito" && local.token_scheme != "http"]
    path   = "/${join("/", compact([e.path, o.path]))}"
  })]])

  # The parameters of each entity's list, besides those that all lists have.
  list_parameters = { for entity, e in var.entities : entity => concat(
    [for filter, sort in e.filters : {
      name = filter, in = "query"
      description = join(" ", concat(
        ["Items with this ${filter}, sorted by ${sort}."],
        [for names in [[for property in distinct([filter, sort]) : property if can(local.properties[entity][property]["x-readable-by"])]] :
          "403 for callers who may not read ${join(" and ", names)}." if length(names) > 0
        ],
      ))
      # Tells the web console which bounds belong to which filter.
      x-sorted-by = sort
      # The keywords of the property by which the server validates the filter's value, and the maximum length of strings.
      schema = merge(
        { for keyword, value in try(local.properties[entity][filter], {}) :
          keyword => value
          if !contains(["default", "description", "writeOnly", "x-readable-by", "x-writable-by"], keyword)
        },
        { for keyword, value in {
          maxLength = min(local.text_bound.maxLength, try(local.properties[entity][filter].maxLength, local.text_bound.maxLength))
          } :
          keyword => value if try(local.properties[entity][filter].type, "") == "string"
        },
      )
    }],
    [for bound in e.bounds : {
      name = bound.name, in = "query"
      description = join(" ", [
        "Items whose ${bound.sort} ${var.contract.bounds[bound.operator]}. Works only with the filter",
        "${join(" or ", [for filter, sort in e.filters : filter if sort == bound.sort])}.",
      ])
      schema = { number = { type = "number" }, text = local.text_bound }[
        contains(["integer", "number"], try(local.properties[entity][bound.sort].type, "")) ? "number" : "text"
      ]
    } if bound.sort != "createdAt"],
  ) }

  paths = { for path in distinct(concat(local.calls[*].path, keys(local.route_parameters))) : path => merge(
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
            [for parameter in call.order_parameter[*] : lower(split(".", parameter)[1]) if var.entities[call.entity].ordered],
            [for bound in var.entities[call.entity].bounds : bound.name if call.takes_filters && bound.sort == "createdAt"],
          ) : { "$ref" = "#/components/parameters/${parameter}" }],
          [for parameter in local.list_parameters[call.entity] : parameter if call.takes_filters],
        )
        responses = merge(
          # Inline, since swagger-typescript-api ignores the body of a referenced response.
          { for status, answer in call.answers : status => merge(
            {
              description = answer.description
              headers     = { for header in answer.headers : header => { "$ref" = "#/components/headers/${header}" } }
            },
            { for key, name in { content = answer.schema } : key => {
              "application/json" = { schema = {
                "$ref" = "#/components/schemas/${contains(keys(var.contract.schemas), name) ? "" : local.plural_names[call.entity]}${name}"
              } }
            } if name != null },
          ) if answer.name == null },
          { for status, answer in call.answers : status => { "$ref" = "#/components/responses/${answer.name}" } if answer.name != null },
          { for status in call.problems : status => { "$ref" = "#/components/responses/${var.contract.statuses[status].name}" } },
          { for status in ["4XX"] : status => { "$ref" = "#/components/responses/Refused" } if call.may_refuse },
        )
      },
      { for key, name in { requestBody = call.body } : key => {
        required                       = true
        content = { for type in concat(["application/json"], call.method == "patch" ? ["application/merge-patch+json"] : []) : type => {
          schema = { "$ref" = "#/components/schemas/${local.plural_names[call.entity]}${name}" }
        } }
      } if name != null },
    ) if call.path == path },
    { for route, r in var.routes : lower(r.method) => local.route_operations[route] if "/${r.path}" == path },
    # Paths of items share the parameter `id`. Other paths declare their own parameters.
    { for key, parameters in { parameters = concat(
      [for parameter in [{ "$ref" = "#/components/parameters/id" }] : parameter
        if contains(local.calls[*].path, path) && endswith(path, "{id}")
      ],
      [for parameter in try(local.route_parameters[path], []) : parameter if !contains(local.calls[*].path, path)],
    ) } : key => parameters if length(parameters) > 0 },
  ) }
}
