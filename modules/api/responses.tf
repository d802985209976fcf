# The gateway's own errors, as problem details like the functions' own. Fixed sentences: the gateway's messages name ARNs.
locals {
  # To the gateway an unsigned request of a path that wants a signature and a path it does not have are one case.
  uses_iam = contains(values(var.routes)[*].access, "iam")

  problems = { for type, problem in var.problems.gateway : type => {
    headers = problem.headers
    status  = var.problems.kinds[problem.kind].status
    body = jsonencode({
      type      = "urn:trestle:problem:${problem.kind}"
      title     = var.problems.kinds[problem.kind].title
      status    = var.problems.kinds[problem.kind].status
      detail    = local.uses_iam ? coalesce(problem.detail_with_iam, problem.detail) : problem.detail
      requestId = "$context.requestId"
    })
  } }
}

resource "aws_api_gateway_gateway_response" "this" {
  for_each = { for type, problem in local.problems : type => problem if type != "METHOD_NOT_ALLOWED" }

  response_templates = { "application/json" = each.value.body }
  response_type      = each.key
  rest_api_id        = aws_api_gateway_rest_api.this.id
  status_code        = each.value.status

  response_parameters = merge(
    { for name, value in merge(local.cors_headers, each.value.headers, { Content-Type = "application/problem+json" }) :
      "gatewayresponse.header.${name}" => "'${value}'"
    },
    # These responses cannot compare origins, and mapped names are case-sensitive: browsers' HTTP/2 sends `origin`, so that
    # "Origin" would match nothing. There are no cookies, and anyone gets these errors anyway.
    local.single_origin == "" ? { "gatewayresponse.header.Access-Control-Allow-Origin" = "'*'" } : {},
  )
}
