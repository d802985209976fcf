locals {
  paths = distinct(concat(values(var.routes)[*].path, keys(local.documents)))

  # Every path with its parents: v1/todos/{id} needs v1 and v1/todos, which other paths may share.
  depths = { for depth in range(1, 6) : depth => toset([
    for path in local.paths : join("/", slice(split("/", path), 0, depth)) if path != "" && length(split("/", path)) >= depth
  ]) }

  resource_ids = merge(
    { "" = aws_api_gateway_rest_api.this.root_resource_id },
    { for path, resource in merge(
      aws_api_gateway_resource.first, aws_api_gateway_resource.second, aws_api_gateway_resource.third,
      aws_api_gateway_resource.fourth, aws_api_gateway_resource.fifth,
    ) : path => resource.id }
  )

  authorization_types = { open = "NONE", api_key = "NONE", cognito = "COGNITO_USER_POOLS", iam = "AWS_IAM", jwt = "CUSTOM" }
  uses_cognito        = contains(values(var.routes)[*].access, "cognito")
  uses_jwt            = contains(values(var.routes)[*].access, "jwt")
  authorizer_ids = {
    cognito = one(aws_api_gateway_authorizer.users[*].id)
    jwt     = one(aws_api_gateway_authorizer.tokens[*].id)
  }

  # The beginning of the integration URI by which the gateway invokes a function.
  function_uri = join("", [
    "arn:${var.scope.partition}:apigateway:${var.scope.region}:lambda:path/2015-03-31/functions/",
    "arn:${var.scope.partition}:lambda:${var.scope.region}:${var.scope.account_id}:function",
  ])
}

# A warning, because AWS raises this quota for a single API on request.
check "resources" {
  assert {
    condition = sum([for paths in values(local.depths) : length(paths)]) + 1 <= 300
    error_message = join(" ", [
      "The API has ${sum([for paths in values(local.depths) : length(paths)]) + 1} resources. By default API Gateway allows 300 (the quota",
      "\"Resources per API\"). Raise the quota in Service Quotas, write shorter paths, or move some entities to a second system.",
    ])
  }
}

resource "aws_api_gateway_rest_api" "this" {
  name                         = var.name
  description                  = var.description
  disable_execute_api_endpoint = var.disable_execute_api_endpoint
  tags                         = var.tags

  endpoint_configuration {
    types            = [var.vpc_endpoint_ids == null ? "REGIONAL" : "PRIVATE"]
    vpc_endpoint_ids = var.vpc_endpoint_ids
  }

  lifecycle {
    create_before_destroy = true

    precondition {
      condition = sum([for model in values(var.models) : length(base64encode(model)) * 3 / 4]) <= 400 * 1024
      error_message = join(" ", [
        "The models of the API take ${ceil(sum([for model in values(var.models) : length(base64encode(model)) * 3 / 4]) / 1024)} KB, and",
        "API Gateway allows 400. Shorten the schemas, or move some entities to a second system.",
      ])
    }
  }
}

# A resource cannot be the parent of another one in the same block, so each depth has its own block.
resource "aws_api_gateway_resource" "first" {
  for_each = local.depths[1]

  parent_id   = aws_api_gateway_rest_api.this.root_resource_id
  path_part   = each.key
  rest_api_id = aws_api_gateway_rest_api.this.id
}

resource "aws_api_gateway_resource" "second" {
  for_each = local.depths[2]

  parent_id   = aws_api_gateway_resource.first[dirname(each.key)].id
  path_part   = basename(each.key)
  rest_api_id = aws_api_gateway_rest_api.this.id
}

resource "aws_api_gateway_resource" "third" {
  for_each = local.depths[3]

  parent_id   = aws_api_gateway_resource.second[dirname(each.key)].id
  path_part   = basename(each.key)
  rest_api_id = aws_api_gateway_rest_api.this.id
}

resource "aws_api_gateway_resource" "fourth" {
  for_each = local.depths[4]

  parent_id   = aws_api_gateway_resource.third[dirname(each.key)].id
  path_part   = basename(each.key)
  rest_api_id = aws_api_gateway_rest_api.this.id
}

resource "aws_api_gateway_resource" "fifth" {
  for_each = local.depths[5]

  parent_id   = aws_api_gateway_resource.fourth[dirname(each.key)].id
  path_part   = basename(each.key)
  rest_api_id = aws_api_gateway_rest_api.this.id
}

# The gateway rejects a missing body only if the body's model requires an object.
resource "aws_api_gateway_request_validator" "this" {
  for_each = var.validate_bodies ? { parameters = false, parameters-and-bodies = true } : { parameters = false }

  name                        = each.key
  rest_api_id                 = aws_api_gateway_rest_api.this.id
  validate_request_body       = each.value
  validate_request_parameters = true
}

resource "aws_api_gateway_model" "this" {
  for_each = var.models

  name         = each.key
  content_type = "application/json"
  rest_api_id  = aws_api_gateway_rest_api.this.id
  schema       = each.value
}

resource "aws_api_gateway_authorizer" "users" {
  count = local.uses_cognito ? 1 : 0

  name          = "${var.name}-users"
  provider_arns = [var.user_pool_arn]
  rest_api_id   = aws_api_gateway_rest_api.this.id
  type          = "COGNITO_USER_POOLS"
}

# The gateway caches the authorizer's result only by token. A result therefore covers the token and
# all routes that need one, and the functions check groups, scopes and the expiry time. The gateway
# refuses a header that does not have the form of a JWT, without invoking the authorizer.
resource "aws_api_gateway_authorizer" "tokens" {
  count = local.uses_jwt ? 1 : 0

  name                             = "${var.name}-tokens"
  authorizer_result_ttl_in_seconds = 300
  authorizer_uri                   = "${local.function_uri}:${var.authorizer.function}:${var.authorizer.qualifier}/invocations"
  identity_source                  = "method.request.header.Authorization"
  identity_validation_expression   = "^[Bb]earer [A-Za-z0-9_-]+[.][A-Za-z0-9_-]+[.][A-Za-z0-9_-]+$"
  rest_api_id                      = aws_api_gateway_rest_api.this.id
  type                             = "TOKEN"
}

resource "aws_lambda_permission" "tokens" {
  count = local.uses_jwt ? 1 : 0

  action        = "lambda:InvokeFunction"
  function_name = var.authorizer.function
  principal     = "apigateway.amazonaws.com"
  qualifier     = var.authorizer.qualifier
  source_arn    = "${aws_api_gateway_rest_api.this.execution_arn}/authorizers/${aws_api_gateway_authorizer.tokens[0].id}"
  statement_id  = "api-gateway-authorizer"
}

resource "aws_api_gateway_method" "route" {
  for_each = var.routes

  api_key_required     = each.value.access == "api_key"
  authorization        = local.authorization_types[each.value.access]
  authorization_scopes = each.value.access == "cognito" ? each.value.scopes : null
  authorizer_id        = lookup(local.authorizer_ids, each.value.access, null)
  http_method          = each.value.method
  request_models       = { "application/json" = try(aws_api_gateway_model.this[each.value.model].name, each.value.model) }
  request_validator_id = aws_api_gateway_request_validator.this[
    var.validate_bodies && each.value.model != "Empty" ? "parameters-and-bodies" : "parameters"
  ].id
  resource_id = local.resource_ids[each.value.path]
  rest_api_id = aws_api_gateway_rest_api.this.id

  # Declared, so that generated clients know them. Path parameters are required, all others optional.
  request_parameters = merge(
    { for parameter in each.value.parameters : "method.request.${parameter}" => false },
    { for name in regexall("{([^}]+)}", each.value.path) : "method.request.path.${name[0]}" => true },
  )
}

resource "aws_api_gateway_integration" "route" {
  for_each = var.routes

  http_method             = aws_api_gateway_method.route[each.key].http_method
  integration_http_method = "POST"
  resource_id             = local.resource_ids[each.value.path]
  rest_api_id             = aws_api_gateway_rest_api.this.id
  type                    = "AWS_PROXY"
  uri                     = "${local.function_uri}:${each.value.function}:${each.value.qualifier}/invocations"
}

# One for each method, so that only the function's own route can invoke it, and no other path, stage
# or API.
resource "aws_lambda_permission" "route" {
  for_each = var.routes

  action        = "lambda:InvokeFunction"
  function_name = each.value.function
  principal     = "apigateway.amazonaws.com"
  qualifier     = each.value.qualifier
  source_arn = join("/", [
    aws_api_gateway_rest_api.this.execution_arn, var.stage, each.value.method, replace(each.value.path, "/{[^}]+}/", "*")
  ])
  # A statement id can contain letters, digits, - and _. Routes with other characters get a digest
  # of the route, so that the id is unique.
  statement_id = "api-gateway-${can(regex("^[A-Za-z0-9.-]+$", each.key)) ? replace(each.key, ".", "-") : join("-", [
    trim(substr(replace(each.key, "/[^A-Za-z0-9_]+/", "-"), 0, 70), "-"), substr(sha256(each.key), 0, 8)
  ])}"
}

# Another user pool needs a new deployment. If its ARN were one of the triggers below, a plan in which
# the ARN is unknown would show none of the triggers.
resource "terraform_data" "user_pool" {
  input = var.user_pool_arn
}

resource "aws_api_gateway_deployment" "this" {
  description = var.description
  rest_api_id = aws_api_gateway_rest_api.this.id

  # A deployment is a snapshot of the API: callers do not get later changes until the next deployment.
  # So the triggers are all inputs and this module's text. A removed method is still in the first
  # snapshot, because Terraform deletes the dependencies of a create_before_destroy resource last.
  # Another deployment (`apply -replace` of this resource) then removes the method for callers.
  triggers = {
    configuration = sha256(jsonencode([
      var.authorizer, var.cors_origins, var.disable_execute_api_endpoint, var.docs, var.exposed_headers, var.models, var.problems,
      var.request_headers, var.routes, var.validate_bodies, var.vpc_endpoint_ids,
      [for file in sort(fileset(path.module, "[^.#]*.tf")) : filesha256("${path.module}/${file}")],
    ]))
  }

  lifecycle {
    # The stage switches to the new snapshot before the old one is deleted.
    create_before_destroy = true
    replace_triggered_by  = [terraform_data.user_pool]
  }

  depends_on = [
    aws_api_gateway_gateway_response.this,
    aws_api_gateway_integration.route,
    aws_api_gateway_integration_response.mock,
    aws_api_gateway_method_response.mock,
    aws_api_gateway_rest_api_policy.private,
  ]
}
