# The gateway's own errors, as problem details like those of functions. The sentences are fixed, since the gateway's messages name ARNs.
locals {
  # The gateway does not distinguish an unsigned request to a route for `iam` from a request to a missing path.
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
    # These responses cannot compare origins, and mapped names are case-sensitive: browsers send `origin` over HTTP/2, which "Origin" would
    # not match. "*" is safe, since there are no cookies and anyone can get these errors.
    local.single_origin == "" ? { "gatewayresponse.header.Access-Control-Allow-Origin" = "'*'" } : {},
  )
}
