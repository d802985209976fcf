# The gateway's own errors, as problem details like the functions' own. Fixed sentences: the gateway's messages name ARNs.
locals {
  kinds = {
    bad-gateway            = { status = 502, title = "Bad gateway" }
    content-too-large      = { status = 413, title = "Content too large" }
    forbidden              = { status = 403, title = "Forbidden" }
    gateway-timeout        = { status = 504, title = "Gateway timeout" }
    internal-error         = { status = 500, title = "Internal error" }
    invalid-request        = { status = 400, title = "Invalid request" }
    method-not-allowed     = { status = 405, title = "Method not allowed" }
    not-found              = { status = 404, title = "Not found" }
    too-many-requests      = { status = 429, title = "Too many requests" }
    unauthorized           = { status = 401, title = "Unauthorized" }
    unsupported-media-type = { status = 415, title = "Unsupported media type" }
  }

  # To the gateway an unsigned request of a path that wants a signature and a path it does not have are one case.
  not_found = "There is nothing at this path${contains(values(var.routes)[*].access, "iam") ? " for a request without a signature" : ""}."

  details = {
    ACCESS_DENIED                  = { kind = "forbidden", detail = "The caller may not do this." }
    API_CONFIGURATION_ERROR        = { kind = "internal-error", detail = "The API is not set up properly." }
    AUTHORIZER_CONFIGURATION_ERROR = { kind = "internal-error", detail = "The API's sign-in is not set up properly." }
    AUTHORIZER_FAILURE             = { kind = "internal-error", detail = "The API's sign-in did not answer." }
    BAD_REQUEST_BODY               = { kind = "invalid-request", detail = "The body does not match the schema." }
    BAD_REQUEST_PARAMETERS         = { kind = "invalid-request", detail = "A required parameter is missing." }
    DEFAULT_4XX                    = { kind = "forbidden", detail = "The request was refused." }
    DEFAULT_5XX                    = { kind = "bad-gateway", detail = "The function behind this path failed." }
    EXPIRED_TOKEN                  = { kind = "forbidden", detail = "The credentials have expired." }
    INTEGRATION_FAILURE            = { kind = "bad-gateway", detail = "The function behind this path could not be reached." }
    INTEGRATION_TIMEOUT            = { kind = "gateway-timeout", detail = "The function behind this path took too long." }
    INVALID_API_KEY                = { kind = "forbidden", detail = "An API key is required, in the header X-Api-Key." }
    INVALID_SIGNATURE              = { kind = "forbidden", detail = "The request's signature does not match." }
    METHOD_NOT_ALLOWED             = { kind = "method-not-allowed", detail = "This path does not have this method; the header Allow lists those it has." }
    MISSING_AUTHENTICATION_TOKEN   = { kind = "not-found", detail = local.not_found }
    QUOTA_EXCEEDED                 = { kind = "too-many-requests", detail = "The quota of this API key is used up.", retry_after = 3600 }
    REQUEST_TOO_LARGE              = { kind = "content-too-large", detail = "The request is too large." }
    RESOURCE_NOT_FOUND             = { kind = "not-found", detail = "There is nothing at this path." }
    THROTTLED                      = { kind = "too-many-requests", detail = "Too many requests at once.", retry_after = 1 }
    UNAUTHORIZED                   = { kind = "unauthorized", detail = "A valid access token is required, in the header Authorization.", authenticate = "Bearer" }
    UNSUPPORTED_MEDIA_TYPE         = { kind = "unsupported-media-type", detail = "The body's content type is not one this path takes." }
    WAF_FILTERED                   = { kind = "forbidden", detail = "The request was refused." }
  }

  problems = { for type, problem in local.details : type => {
    headers = merge(
      try({ Retry-After = tostring(problem.retry_after) }, {}),
      try({ WWW-Authenticate = problem.authenticate }, {}),
    )
    status = local.kinds[problem.kind].status
    body = jsonencode({
      type      = "urn:trestle:problem:${problem.kind}"
      title     = local.kinds[problem.kind].title
      status    = local.kinds[problem.kind].status
      detail    = problem.detail
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
    local.origin == "" ? { "gatewayresponse.header.Access-Control-Allow-Origin" = "'*'" } : {},
  )
}
