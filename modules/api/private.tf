# The resource policy of a private API, which defines who may call it.
locals {
  # The URL by VPC endpoint. Each endpoint has a name for the API that its VPC resolves with or without private DNS.
  private_urls = { for id in coalesce(var.vpc_endpoint_ids, []) : id => join("", [
    "https://${aws_api_gateway_rest_api.this.id}-${id}.execute-api.${var.scope.region}.${var.scope.dns_suffix}/",
    aws_api_gateway_stage.this.stage_name,
  ]) }

  # API Gateway accepts a call to a route with the access `iam` if the caller's policy or this policy allows it, so allowing everyone here
  # would admit every signed caller. The policy therefore lists only what is not for `iam`, by method, and by path if only some of a
  # method's paths are for `iam`.
  iam_routes = [for r in values(var.routes) : "${r.method}/${replace(r.path, "/{[^}]+}/", "*")}" if r.access == "iam"]
  verbs      = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]
  iam_verbs  = [for verb in local.verbs : verb if anytrue([for route in local.iam_routes : startswith(route, "${verb}/")])]
  public_calls = distinct(concat(
    [for verb in local.verbs : "${verb}/*" if !contains(local.iam_verbs, verb)],
    [for path in local.paths : [for verb in local.iam_verbs : "${verb}/${replace(path, "/{[^}]+}/", "*")}"]]...
  ))
  # The routes for `iam` that each public pattern covers. In a pattern, * is any text, including slashes.
  covered_iam_routes = { for call in local.public_calls : call => [for route in local.iam_routes : route
    if can(regex("^${replace(replace(call, ".", "[.]"), "*", ".*")}$", route))
  ] }
  # The routes with a function that are not for `iam`. Other requests get 405, or 403 if allowing them would open a route for `iam`.
  public_routes = { for r in values(var.routes) : "${r.method}/${replace(r.path, "/{[^}]+}/", "*")}" => "${r.method} /${r.path}"
    if r.access != "iam"
  }
  opened_iam_routes = { for call, route in local.public_routes : route => local.covered_iam_routes[call]
    if length(lookup(local.covered_iam_routes, call, [])) > 0
  }
  private_calls = length(local.iam_routes) == 0 ? ["*"] : [
    for call in local.public_calls : call if length(local.covered_iam_routes[call]) == 0
  ]
}

resource "aws_api_gateway_rest_api_policy" "private" {
  count = var.vpc_endpoint_ids == null ? 0 : 1

  rest_api_id = aws_api_gateway_rest_api.this.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "LetCallersAsk"
        Effect    = "Allow"
        Principal = "*"
        Action    = "execute-api:Invoke"
        Resource  = [for call in local.private_calls : "${aws_api_gateway_rest_api.this.execution_arn}/${var.stage}/${call}"]
      },
      {
        Sid       = "ThroughTheseEndpointsAlone"
        Effect    = "Deny"
        Principal = "*"
        Action    = "execute-api:Invoke"
        Resource  = "${aws_api_gateway_rest_api.this.execution_arn}/*"
        Condition = { StringNotEquals = { "aws:SourceVpce" = sort(var.vpc_endpoint_ids) } }
      },
    ]
  })

  lifecycle {
    precondition {
      condition = length(local.opened_iam_routes) == 0
      error_message = join(" ", [for route, covered in local.opened_iam_routes :
        join(" ", [
          "private: \"${route}\" is not for iam, but its pattern covers ${join(", ", covered)}, which is. The policy of a private API",
          "cannot distinguish them. Give both the access iam, or neither, or give one another path.",
        ])
      ])
    }

    precondition {
      condition = length(join("", local.private_calls)) + 90 * length(local.private_calls) <= 7500
      error_message = join(" ", [
        "private: the API's policy would name ${length(local.private_calls)} methods that are not for iam, which is more than the 8192",
        "characters that API Gateway allows. Give all operations of a method the same access, or move some entities to a second system.",
      ])
    }
  }
}
