# A private API: who may call it, by the API's resource policy.
locals {
  # By VPC endpoint, since each has a name for the API that its own VPC resolves, whether or not it has private DNS.
  private_urls = { for id in coalesce(var.vpc_endpoint_ids, []) : id => join("", [
    "https://${aws_api_gateway_rest_api.this.id}-${id}.execute-api.${var.scope.region}.${var.scope.dns_suffix}/",
    aws_api_gateway_stage.this.stage_name,
  ]) }

  # A policy that lets anyone call a route for `iam` would let in any signed caller: API Gateway asks for the right of either the caller
  # or the policy. So the policy names all that is not for `iam`: by method, and by path where some paths of a method are.
  iam_routes = [for r in values(var.routes) : "${r.method}/${replace(r.path, "/{[^}]+}/", "*")}" if r.access == "iam"]
  verbs      = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]
  iam_verbs  = [for verb in local.verbs : verb if anytrue([for route in local.iam_routes : startswith(route, "${verb}/")])]
  public_calls = distinct(concat(
    [for verb in local.verbs : "${verb}/*" if !contains(local.iam_verbs, verb)],
    [for path in local.paths : [for verb in local.iam_verbs : "${verb}/${replace(path, "/{[^}]+}/", "*")}"]]...
  ))
  # By what is public, the routes for `iam` that its pattern covers, in which * is any text, slashes too.
  covered_iam_routes = { for call in local.public_calls : call => [for route in local.iam_routes : route
    if can(regex("^${replace(replace(call, ".", "[.]"), "*", ".*")}$", route))
  ] }
  # What is not for `iam` and has a function. The rest is answered 405, or, where it would open a route for `iam`, 403.
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
          "cannot tell them apart. Give both the access iam, or neither, or give one another path.",
        ])
      ])
    }

    precondition {
      condition = length(join("", local.private_calls)) + 90 * length(local.private_calls) <= 7500
      error_message = join(" ", [
        "private: the API's policy would name ${length(local.private_calls)} methods that are not for iam, which is more than the 8192",
        "characters that API Gateway takes. Give all operations of a method the same access, or move some of the entities to a second",
        "system.",
      ])
    }
  }
}
