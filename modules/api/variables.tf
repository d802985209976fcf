variable "authorizer" {
  description = "The function that verifies the tokens of routes for jwt, and its alias, or null without such routes."
  type        = object({ function = string, qualifier = string })
}

variable "cors_origins" {
  description = "The origins whose scripts may call the API; [\"*\"] for all."
  type        = list(string)
}

variable "description" {
  description = "The API's description."
  type        = string
}

variable "disable_execute_api_endpoint" {
  description = "Whether the API is reachable only at its own domain."
  type        = bool
}

variable "docs" {
  description = "The API's OpenAPI document, as JSON, its path, and who may read it: open, api_key or none."
  type        = object({ access = string, document = string, path = string })
}

variable "exposed_headers" {
  description = "The response headers that browsers show to scripts of other origins."
  type        = list(string)
}

variable "kms_key_arn" {
  description = "The key that encrypts the log groups, or null for one that AWS owns."
  type        = string
}

variable "log_retention_days" {
  description = "The days for which the log groups keep their events."
  type        = number
}

variable "models" {
  description = "The JSON Schemas of the models, as text, by name."
  type        = map(string)
}

variable "name" {
  description = "The name of the API, and the prefix of its log groups."
  type        = string
}

variable "problems" {
  description = <<-EOT
    The errors of the API.
    gateway: API Gateway's own errors, by their names: the kind of problem, a sentence for the caller, another sentence for APIs with routes
      that require a signature, and headers.
    kinds: the status and title of each kind.
  EOT
  type = object({
    gateway = map(object({ detail = string, detail_with_iam = optional(string), headers = optional(map(string), {}), kind = string }))
    kinds   = map(object({ status = number, title = string }))
  })
}

variable "request_headers" {
  description = "The headers that operations read, which scripts of other origins may send."
  type        = list(string)
}

variable "routes" {
  description = <<-EOT
    The methods, by a unique key.
    access: open, api_key, cognito, iam or jwt.
    function, qualifier: the function that serves the method, and its alias.
    model: the model of the request's body. Empty is API Gateway's own model, for requests without a body.
    parameters: the declared parameters, such as "querystring.limit" and "header.If-Match".
    path: the path without a slash at either end, such as "todos/{id}"; "" is the root.
    scopes: for cognito, the scopes of which an access token needs one.
  EOT
  type = map(object({
    access     = string
    function   = string
    method     = string
    model      = string
    parameters = list(string)
    path       = string
    qualifier  = string
    scopes     = list(string)
  }))
}

variable "scope" {
  description = "The AWS account, region, partition and DNS suffix, of which ARNs and service names are composed."
  type        = object({ account_id = string, dns_suffix = string, partition = string, region = string })
}

variable "stage" {
  description = "The name of the stage."
  type        = string
}

variable "tags" {
  description = "Tags for all resources, besides those that the provider adds itself; null for none."
  type        = map(string)
}

variable "throttle" {
  description = "The limits of each method: requests per second, and burst."
  type        = object({ burst_limit = number, rate_limit = number })
}

variable "user_pool_arn" {
  description = "The user pool whose tokens routes for cognito require, or null without such routes."
  type        = string
}

variable "validate_bodies" {
  description = "Whether the gateway validates bodies with their model."
  type        = bool
}

variable "vpc_endpoint_ids" {
  description = "The VPC endpoints through which a private API is called, or null for an API on the internet."
  type        = set(string)
}
