# The gateway's own responses, without a function: the OpenAPI document, CORS preflights, and 405 for missing methods.
locals {
  # The document is a template, so characters that templates expand are escaped. The server is an exception: it is the request's own URL,
  # under any stage, domain and base path.
  escaped_document = replace(replace(var.docs.document, "$", "\\u0024"), "#", "\\u0023")
  documents = { for path in [var.docs.path] : path => replace(
    local.is_packed ? local.packed_document : local.escaped_document,
    "\"servers\":[{\"url\":\".\"}]", "\"servers\":[{\"url\":\"https://$context.domainName$context.path.replace('/${path}','')\"}]",
  ) if var.docs.access != "none" }

  # API Gateway limits templates to 300 KB, which is about 30 entities. A larger document is packed: repeated parts become variables of the
  # template, and the gateway's response stays the same. Smaller documents are not packed.
  template_limit = 300 * 1024
  is_packed      = length(base64encode(local.escaped_document)) * 3 / 4 + length(local.origin_template) > local.template_limit
  # Long parts that repeat as a whole, such as an operation's problems, are one fragment.
  pieces = split("\n", local.is_packed ? replace(var.docs.document, "}},\"", "}},\n\"") : "")
  times  = { for piece in local.pieces : piece => 1... }
  fragments = flatten([for piece in local.pieces : length(local.times[piece]) > 1 ? [piece] : split("\n", replace(replace(replace(
    piece, "},\"", "},\n\""), "],\"", "],\n\""), "\",\"", "\",\n\""
  ))])
  # Fragments that save space. A variable takes about 20 characters to set and 6 for each use. Its value is a literal, so fragments with
  # quotes or backslashes are not replaced.
  repeated_fragments = [for fragment, times in { for fragment in local.fragments : fragment => 1... } : fragment
    if length(times) > 1 && (length(times) - 1) * length(fragment) > 20 + 6 * length(times) && !can(regex("['\\\\]", fragment))
  ]
  fragment_variables = { for i, fragment in local.repeated_fragments : fragment => format("a%x", i) }
  packed_document = join("", concat(
    [for fragment in local.repeated_fragments : format("#set($%s = '%s')", local.fragment_variables[fragment], fragment)],
    [for fragment in local.fragments : can(local.fragment_variables[fragment]) ?
      format("$${%s}", local.fragment_variables[fragment]) : replace(replace(fragment, "$", "\\u0024"), "#", "\\u0023")
    ],
  ))

  path_methods = { for path in local.paths : path => sort(concat(
    ["OPTIONS"], [for route in values(var.routes) : route.method if route.path == path], [for document in keys(local.documents) :
      "GET"
      if document == path
    ]
  )) }

  # A single origin, or "*", is a constant. With several origins, the template repeats the caller's if it is in the list. The header's name
  # has the caller's spelling, and Velocity calls methods only on references, not on literal lists.
  single_origin = length(var.cors_origins) == 1 ? var.cors_origins[0] : ""
  origin_template = local.single_origin != "" ? "" : join("", [
    "#set($allowed = ${jsonencode(var.cors_origins)})",
    "#set($headers = $input.params().header)",
    "#set($origin = $headers.get('Origin'))",
    "#if(!$origin || $origin == '')#set($origin = $headers.get('origin'))#end",
    "#if($origin && $allowed.contains($origin))#set($context.responseOverride.header.Access-Control-Allow-Origin = $origin)#end",
  ])
  cors_headers = merge(local.single_origin == "" ? { Vary = "Origin" } : { Access-Control-Allow-Origin = local.single_origin }, {
    Access-Control-Expose-Headers = join(", ", var.exposed_headers)
  })

  mocks = merge({ for path, document in local.documents : "GET /${path}" => {
    access  = var.docs.access
    body    = "${local.origin_template}${document}"
    headers = merge(local.cors_headers, { Content-Type = "application/json" })
    method  = "GET"
    path    = path
    status  = "200"
    } }, [for path, methods in local.path_methods : {
    "OPTIONS /${path}" = {
      access = "open"
      body   = local.origin_template
      method = "OPTIONS"
      path   = path
      status = "204"
      headers = merge(local.cors_headers, {
        Access-Control-Allow-Headers = join(
          ", ", sort(concat(["Authorization", "Content-Type", "X-Amz-Date", "X-Amz-Security-Token", "X-Api-Key"], var.request_headers))
        )
        Access-Control-Allow-Methods = join(", ", methods)
        # Browsers limit this to two hours.
        Access-Control-Max-Age = "7200"
      })
    }
    "ANY /${path}" = {
      access = "open"
      body   = "${local.origin_template}${local.problems["METHOD_NOT_ALLOWED"].body}"
      method = "ANY"
      path   = path
      status = "405"
      headers = merge(local.cors_headers, {
        Allow        = join(", ", methods)
        Content-Type = "application/problem+json"
      })
    }
  }]...)
}

resource "aws_api_gateway_method" "mock" {
  #checkov:skip=CKV_AWS_59:returns 204, 405 or what docs makes public, and reaches no data; a browser sends no key with its preflight
  for_each = local.mocks

  api_key_required     = each.value.access == "api_key"
  authorization        = "NONE"
  http_method          = each.value.method
  request_models       = { "application/json" = "Empty" }
  request_parameters   = { for name in regexall("{([^}]+)}", each.value.path) : "method.request.path.${name[0]}" => true }
  request_validator_id = aws_api_gateway_request_validator.this["parameters"].id
  resource_id          = local.resource_ids[each.value.path]
  rest_api_id          = aws_api_gateway_rest_api.this.id
}

resource "aws_api_gateway_integration" "mock" {
  for_each = local.mocks

  http_method          = aws_api_gateway_method.mock[each.key].http_method
  passthrough_behavior = "NEVER"
  resource_id          = local.resource_ids[each.value.path]
  rest_api_id          = aws_api_gateway_rest_api.this.id
  type                 = "MOCK"

  # By the request's content type. A body of another type gets 415, which is also correct.
  request_templates = { for type in [
    "application/json", "application/merge-patch+json", "application/octet-stream", "application/problem+json",
    "application/x-www-form-urlencoded", "application/xml", "multipart/form-data", "text/html", "text/plain", "text/xml",
  ] : type => jsonencode({ statusCode = tonumber(each.value.status) }) }
}

resource "aws_api_gateway_method_response" "mock" {
  for_each = local.mocks

  http_method = aws_api_gateway_method.mock[each.key].http_method
  resource_id = local.resource_ids[each.value.path]
  rest_api_id = aws_api_gateway_rest_api.this.id
  status_code = each.value.status

  # With several origins the template sets the first of these headers.
  response_parameters = { for name in setunion(["Access-Control-Allow-Origin", "Vary"], keys(each.value.headers)) :
    "method.response.header.${name}" => true
  }
}

resource "aws_api_gateway_integration_response" "mock" {
  for_each = local.mocks

  http_method         = aws_api_gateway_method.mock[each.key].http_method
  resource_id         = local.resource_ids[each.value.path]
  response_parameters = { for name, value in each.value.headers : "method.response.header.${name}" => "'${value}'" }
  response_templates  = { for body in compact([each.value.body]) : "application/json" => body }
  rest_api_id         = aws_api_gateway_rest_api.this.id
  status_code         = aws_api_gateway_method_response.mock[each.key].status_code

  lifecycle {
    precondition {
      condition = length(base64encode(each.value.body)) * 3 / 4 <= local.template_limit
      error_message = join(" ", [
        "The OpenAPI document is too large for API Gateway: ${ceil(length(base64encode(each.value.body)) * 3 / 4 / 1024)} KB as a mapping",
        "template, which may have ${local.template_limit / 1024}. Shorten the schemas, write docs = \"none\" to serve no document, or move",
        "some entities to a second system.",
      ])
    }
  }

  depends_on = [aws_api_gateway_integration.mock]
}
