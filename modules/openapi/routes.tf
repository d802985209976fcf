# Routes of your own functions.
locals {
  # Operation ids are the Python functions' names. If another route or an entity's operation has the same one, method and path form the
  # id, such as postOrdersByIdPay; if that is also taken, the start of the route's digest is added.
  route_words = { for route, r in var.routes : route => [for word in split("_", trim(r.call, "_")) : word if word != ""] }
  route_calls = { for route, words in local.route_words : route => join("", [for n, word in words : n == 0 ? word : title(word)]) }
  route_paths = { for route, r in var.routes : route => join("", flatten([lower(r.method), [for segment in split("/", r.path) : concat(
    startswith(segment, "{") ? ["By"] : [],
    [for word in split("-", replace(segment, "/[^A-Za-z0-9]+/", "-")) : word == "" ? "" : title(word)],
  )]])) }
  routes_by_call = { for route, name in local.route_calls : lower(name) => route... }
  entity_ids     = [for call in local.calls : lower(call.id)]
  named_by_path = [for route, name in local.route_calls : route
    if length(local.routes_by_call[lower(name)]) > 1 || contains(local.entity_ids, lower(name))
  ]
  # The first choice of each route, which may not be unique.
  chosen_ids = { for route, name in local.route_calls : route => contains(local.named_by_path, route) ? local.route_paths[route] : name }
  taken_ids  = concat(local.entity_ids, [for name in values(local.chosen_ids) : lower(name)])
  route_ids = { for route, name in local.chosen_ids : route => join("", concat(
    [name],
    contains(local.named_by_path, route) && length([for taken in local.taken_ids : taken if taken == lower(name)]) > 1 ?
    [title(substr(sha256(route), 0, 6))] : [],
  )) }

  # The tag is the entity whose path is the longest prefix of the route's, otherwise the function.
  route_entities = { for route, r in var.routes : route => reverse(sort([
    for name, e in var.entities : format("%04d %s", length(e.path), name) if e.path != "" && startswith("${r.path}/", "${e.path}/")
  ])) }
  route_tags = { for route, r in var.routes : route => try(substr(local.route_entities[route][0], 5, -1), r.function) }

  # The schemas of files, such as PaymentRequest and PaymentResponse of payment.json. Names that differ only in case,
  # hyphens or underscores get a digest, since some generators ignore case.
  schema_words      = { for name in keys(var.schemas) : name => split("-", replace(lower(name), "_", "-")) }
  schemas_by_letter = { for name, words in local.schema_words : join("", words) => name... }
  schema_names = { for name, words in local.schema_words : name => join("", concat(
    [for word in words : title(word)],
    length(local.schemas_by_letter[join("", words)]) > 1 ? [title(substr(sha256(name), 0, 6))] : [],
  )) }
  route_bodies  = distinct(compact(values(var.routes)[*].body))
  route_answers = distinct(flatten([for r in values(var.routes) : values(r.answers)]))
  route_schemas = merge(
    { for name in local.route_bodies : "${local.schema_names[name]}Request" => jsondecode(var.schemas[name].request) },
    { for name in local.route_answers : "${local.schema_names[name]}Response" => jsondecode(var.schemas[name].response) },
  )
  queries = { for route, r in var.routes : route => jsondecode(r.query == null ? "{}" : var.schemas[r.query].request) }

  route_scopes = { for route, r in var.routes : route => [for scope in r.access.scope[*] : scope
    if r.access.kind == "cognito" && local.token_scheme != "http"
  ] }

  route_operations = { for route, r in var.routes : route => merge(
    {
      description = join("", concat(
        [coalesce(r.description, "Served by the function ${r.function}.")],
        [for group in r.access.group[*] : " For members of the group ${group}."],
        [for scope in r.access.scope[*] : " For tokens with the scope ${scope}."],
      ))
      operationId = local.route_ids[route]
      summary     = coalesce(r.summary, join(" ", [for n, word in local.route_words[route] : n == 0 ? title(word) : word]), route)
      tags        = [local.route_tags[route]]
      security    = [for access in [r.access.kind] : { (access) = local.route_scopes[route] } if access != "open"]
      # The web console shows only entities.
      x-function = r.function
      parameters = [for name, rule in try(local.queries[route].properties, {}) : merge(
        { name = name, in = "query", required = contains(try(local.queries[route].required, []), name) },
        { schema = { for keyword, value in rule : keyword => value if keyword != "description" } },
        { for keyword in ["description"] : keyword => rule[keyword] if can(rule[keyword]) },
      )]
      responses = merge(
        { for status in r.problems : status => { "$ref" = "#/components/responses/${var.contract.statuses[status].name}" } },
        { "4XX" = { "$ref" = "#/components/responses/Refused" } },
        { for status, schema in r.answers : status => {
          description = tonumber(status) < 400 ? "The response." : "The function's own response."
          content = merge(
            { "application/json" = { schema = { "$ref" = "#/components/schemas/${local.schema_names[schema]}Response" } } },
            { for type in ["application/problem+json"] : type => { schema = { "$ref" = "#/components/schemas/Problem" } }
              if tonumber(status) >= 400
            },
          )
        } },
        { for status in ["2XX"] : status => { description = "The response.", content = { "*/*" = { schema = {} } } }
          if !anytrue([for declared in keys(r.answers) : tonumber(declared) < 400])
        },
      )
    },
    { for key, content in { requestBody = { for type in length(r.accepts) == 0 ? ["application/json"] : r.accepts : type => {
      schema = { for keyword, value in {
        "$ref" = try("#/components/schemas/${local.schema_names[r.body]}Request", null)
        type   = r.body == null && !endswith(type, "json") ? "string" : null
      } : keyword => value if value != null }
    } } } : key => { required = r.body != null, content = content } if contains(["PATCH", "POST", "PUT"], r.method) },
  ) }

  route_parameters = { for path in distinct(values(var.routes)[*].path) : "/${path}" => [for name in regexall("{([^}]+)}", path) :
    { name = name[0], in = "path", required = true, schema = { for keyword, value in {
      "$ref"    = name[0] == "id" ? "#/components/schemas/Id" : null
      minLength = name[0] == "id" ? null : 1
      type      = name[0] == "id" ? null : "string"
    } : keyword => value if value != null } }
  ] }

  used_tags = concat(
    [for name in keys(var.entities) : { name = name, description = "The collection /${var.entities[name].path}" }],
    [for name in sort(setsubtract(values(local.route_tags), keys(var.entities))) : { name = name, description = "The function ${name}" }],
  )
}
