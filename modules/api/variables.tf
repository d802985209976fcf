variable "authorizer" {
  description = "The function that verifies the tokens of routes for jwt, and its alias; or null without such routes."
  type        = object({ function = string, qualifier = string })
}

variable "cors_origins" {
  description = "Origins whose scripts may call the API; [\"*\"] for all."
  type        = list(string)
}

variable "description" {
  description = "What the API is."
  type        = string
}

variable "disable_execute_api_endpoint" {
  description = "Whether the API answers at a domain of its own alone."
  type        = bool
}

variable "docs" {
  description = "The API's OpenAPI document, as JSON, its path, and who may read it: open, api_key or none."
  type        = object({ access = string, document = string, path = string })
}

variable "exposed_headers" {
  description = "Headers of answers that browsers show to scripts of other origins."
  type        = list(string)
}

variable "kms_key_arn" {
  description = "The key that encrypts the log groups, or null for one that AWS owns."
  type        = string
}

variable "log_retention_days" {
  description = "How long the log groups keep their events, in days."
  type        = number
}

variable "models" {
  description = "JSON Schemas of the models, as text, by name."
  type        = map(string)
}

variable "name" {
  description = "Name of the API and prefix of its log groups."
  type        = string
}

variable "problems" {
  description = <<-EOT
    The errors of the API.
    gateway: API Gateway's own, by its names of them: which kind of problem each is, a sentence for the caller, another where some routes
      want a signature, and headers.
    kinds: the status and title of each kind.
  EOT
  type = object({
    gateway = map(object({ detail = string, detail_with_iam = optional(string), headers = optional(map(string), {}), kind = string }))
    kinds   = map(object({ status = number, title = string }))
  })
}

variable "request_headers" {
  description = "Headers that operations read, which scripts of other origins may send."
  type        = list(string)
}

variable "routes" {
  description = <<-EOT
    The methods, by a name of our own.
    access: open, api_key, cognito, iam or jwt.
    function, qualifier: the function that answers, and its alias.
    model: of the request's body; Empty is API Gateway's own, for requests without one.
    parameters: what a caller may send, such as "querystring.limit" and "header.If-Match".
    path: such as "todos/{id}", without a slash at either end; "" is the root.
    scopes: for cognito, what an access token has one of.
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
  description = "The account, region, partition and DNS suffix of AWS that ARNs and service names are composed of."
  type        = object({ account_id = string, dns_suffix = string, partition = string, region = string })
}

variable "stage" {
  description = "Name of the stage."
  type        = string
}

variable "tags" {
  description = "Tags for each resource, beside those that the provider adds by itself; null for none."
  type        = map(string)
}

variable "throttle" {
  description = "Requests a second, and at once, that each method takes."
  type        = object({ burst_limit = number, rate_limit = number })
}

variable "user_pool_arn" {
  description = "The user pool whose tokens routes for cognito ask for, or null without such routes."
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
