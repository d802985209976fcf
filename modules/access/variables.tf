variable "api_id" {
  description = "The id of the REST API for the plans."
  type        = string
}

variable "environment" {
  description = "The suffix of every name."
  type        = string
}

variable "key_values" {
  description = "The values of keys that AWS does not generate."
  type        = map(string)
  sensitive   = true
}

variable "keys" {
  description = "The name of each key's plan."
  type        = map(string)
}

variable "name" {
  description = "The prefix of every name."
  type        = string
}

variable "plans" {
  description = "The limits and quotas of the usage plans, by name."
  type = map(object({
    burst_limit = number
    quota       = object({ limit = number, period = string })
    rate_limit  = number
  }))
}

variable "stage" {
  description = "The stage for the plans."
  type        = string
}

variable "tags" {
  description = "Tags for all resources, besides those that the provider adds itself; null for none."
  type        = map(string)
}

variable "user_pool" {
  description = <<-EOT
    The user pool, or null for none.
    app_scopes: the API's scopes that signed-in users may get.
    callback_urls, logout_urls: the URLs of the app to which users sign in at the domain.
    deletion_protection: whether the pool refuses to be deleted.
    domain_prefix: the domain's first part, or null for no domain.
    email: the sender of mail to users, an identity of Amazon SES, or null for Cognito's own.
    groups: of users.
    machine_client: whether there is a client with all scopes and no user.
    mfa: OFF, ON or OPTIONAL.
    password_minimum_length: in characters.
    scopes: the descriptions of the API's scopes.
    self_sign_up: whether anyone may sign up.
    tokens: the lifetime of access tokens, and the time for which they can be renewed.
  EOT
  type = object({
    app_scopes              = set(string)
    callback_urls           = set(string)
    deletion_protection     = bool
    domain_prefix           = string
    email                   = object({ configuration_set = string, from = string, reply_to = string, source_arn = string })
    groups                  = set(string)
    logout_urls             = set(string)
    machine_client          = bool
    mfa                     = string
    password_minimum_length = number
    scopes                  = map(string)
    self_sign_up            = bool
    tokens                  = object({ access_minutes = number, refresh_days = number })
  })
}

# Separate from the pool, which would otherwise wait for CloudFront. This is a list, so that a plan
# knows its length.
variable "website_urls" {
  description = "The URLs of the web console, which signs users in like an app."
  type        = list(string)
}
