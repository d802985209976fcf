variable "api_id" {
  description = "The REST API the plans are for."
  type        = string
}

variable "environment" {
  description = "Suffix of every name."
  type        = string
}

variable "key_values" {
  description = "Values of keys that AWS is not to make."
  type        = map(string)
  sensitive   = true
}

variable "keys" {
  description = "Name of its plan, by key."
  type        = map(string)
}

variable "name" {
  description = "Prefix of every name."
  type        = string
}

variable "plans" {
  description = "What the holders of keys may ask for."
  type = map(object({
    burst_limit = number
    quota       = object({ limit = number, period = string })
    rate_limit  = number
  }))
}

variable "stage" {
  description = "The stage the plans are for."
  type        = string
}

variable "tags" {
  description = "Tags for each resource, beside those that the provider adds by itself; null for none."
  type        = map(string)
}

variable "user_pool" {
  description = <<-EOT
    The user pool, or null for none.
    app_scopes: scopes of our own that whoever signs in may have.
    callback_urls, logout_urls: where the app is that users sign in to over the domain.
    deletion_protection: whether the pool refuses to be deleted.
    domain_prefix: the domain's first part, or null for no domain.
    email: the sender of mail to users, by an identity of Amazon SES; or null for Cognito's own.
    groups: of users.
    machine_client: whether there is a client with all scopes and no user.
    mfa: OFF, ON or OPTIONAL.
    password_minimum_length: in characters.
    scopes: what each scope of our own is for.
    self_sign_up: whether anyone may become a user.
    tokens: how long an access token is good, and how long it can be renewed.
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

# Separate from the pool, which would otherwise wait for CloudFront. A list, so that a plan knows its length.
variable "website_urls" {
  description = "Where the web console is, which signs users in as an app does."
  type        = list(string)
}
