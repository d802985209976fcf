variable "api_key_values" {
  description = <<-EOT
    Values of API keys, by key name, for local runs and tests. Leave it empty in AWS, which then generates the values, so that no tfvars
    contains them.
  EOT
  type        = map(string)
  default     = {}
  nullable    = false
  sensitive   = true

  validation {
    condition = alltrue([for value in values(var.api_key_values) : length(value) >= 20 && length(value) <= 128])
    error_message = join(" ", [
      "api_key_values: a value has to have 20 to 128 characters. Write another one, or leave the key out so that AWS generates its value.",
    ])
  }

  validation {
    condition = length(setsubtract(nonsensitive(keys(var.api_key_values)), keys(local.api_keys))) == 0
    error_message = join(" ", [
      "api_key_values: there is no key",
      "${join(", ", [for key in setsubtract(nonsensitive(keys(var.api_key_values)), keys(local.api_keys)) : "\"${key}\""])}. Use the keys",
      "in api_keys: ${join(", ", keys(local.api_keys))}.",
    ])
  }
}

variable "api_keys" {
  description = <<-EOT
    API keys by name, each with its usage plan. By default (null) there is one key, "default", on the plan "standard" or the only plan, if
    an operation needs a key.
  EOT
  type        = map(string)
  default     = null

  validation {
    condition = alltrue([for plan in values(coalesce(var.api_keys, {})) : try(contains(keys(var.usage_plans), plan), false)])
    error_message = join(" ", [for name, plan in coalesce(var.api_keys, {}) :
      join(" ", [
        "api_keys.${name}: there is no usage plan ${try("\"${plan}\"", "null")}. Write one of ${join(", ", keys(var.usage_plans))}, or add",
        "the plan to usage_plans.",
      ])
      if !try(contains(keys(var.usage_plans), plan), false)
    ])
  }

  validation {
    condition = alltrue([for name in keys(coalesce(var.api_keys, {})) : can(regex(local.label_pattern, name))])
    error_message = join(" ", [for name in keys(coalesce(var.api_keys, {})) : join("", [
      "api_keys: \"${name}\" ",
      name == "" ? "is empty" :
      can(regex("[^A-Za-z0-9_.-]", name)) ?
      "contains ${lookup(local.character_names, regex("[^A-Za-z0-9_.-]", name), "\"${regex("[^A-Za-z0-9_.-]", name)}\"")}" :
      "has ${length(name)} characters",
      ". Write up to 128 letters, digits and . _ -, such as \"partner\"."
    ]) if !can(regex(local.label_pattern, name))])
  }

  validation {
    condition = try(length(var.api_keys) > 0, true) || !local.needs_api_key
    error_message = join(" ", [
      "api_keys is empty, but an operation or docs requires a key, so nobody could call it. Write, for example, { partner = \"standard\"",
      "}, or leave api_keys out for the default key.",
    ])
  }

  # Otherwise the alphabetical order of the plans would decide, and a new plan could change the
  # limits of the default key.
  validation {
    condition = var.api_keys != null || length(var.usage_plans) < 2 || contains(keys(var.usage_plans), "standard") || !local.needs_api_key
    error_message = join(" ", [
      "api_keys: the default key could be on each of the plans ${join(", ", keys(var.usage_plans))}. Write api_keys = { default =",
      "\"${try(keys(var.usage_plans)[0], "standard")}\" }, or another plan.",
    ])
  }
}

variable "jwt" {
  description = <<-EOT
    The OpenID Connect issuer of the access tokens for the access jwt: Auth0, Okta, Entra, Keycloak or any other. A function verifies the
    tokens, and the gateway caches the result for each token for five minutes.
    audiences: the accepted values of the claim aud. A token needs one of them.
    client_id: the web console's client at the issuer. The console then signs users in there, with an authorization code and PKCE.
    client_scopes: the scopes that the console requests besides the user's identity; null for the scopes in access. Entra ID expects longer
      names in requests than its tokens contain.
    function: settings of the function that verifies tokens. With reserved_concurrency null it shares the account's pool.
    groups_claim: the claim with the caller's groups, for jwt:group=NAME.
    issuer: the exact value of the claim iss. Its keys are found through ISSUER/.well-known/openid-configuration.
  EOT
  type = object({
    audiences     = set(string)
    client_id     = optional(string)
    client_scopes = optional(set(string))
    function = optional(object({
      log_level            = optional(string, "INFO")
      memory_size          = optional(number, 512)
      reserved_concurrency = optional(number)
    }), {})
    groups_claim = optional(string, "groups")
    issuer       = string
  })
  default = null

  validation {
    condition = var.jwt != null || length(local.jwt_methods) == 0
    error_message = join(" ", [
      "jwt: access requires tokens of an issuer (${join(", ", local.jwt_methods)}), but there is no issuer. Write jwt = { issuer =",
      "\"https://auth.example.com\", audiences = [\"https://api.example.com\"] }, or other access.",
    ])
  }

  # Without this rule, jwt would silently have no effect.
  validation {
    condition = var.jwt == null || length(local.jwt_methods) > 0
    error_message = join(" ", [
      "jwt: no operation or route requires tokens of ${try("\"${var.jwt.issuer}\"", "an issuer")}. Write access = { default = \"jwt\" }",
      "for an entity, or leave jwt out.",
    ])
  }

  validation {
    condition = try(
      can(regex(local.issuer_pattern, var.jwt.issuer)) && !strcontains(var.jwt.issuer, "/.well-known/") && length(var.jwt.issuer) <= 512,
      var.jwt == null
    )
    error_message = join(" ", [for issuer in [try(coalesce(var.jwt.issuer), "")] : join("", [
      "jwt.issuer: \"${substr(issuer, 0, 80)}${length(issuer) > 80 ? "..." : ""}\" ",
      issuer == "" ? "is empty" :
      strcontains(issuer, "/.well-known/") ? "is the address of one of the issuer's documents" :
      can(regex("^https://[^/]*@", issuer)) ? "has a user" :
      can(regex("[?]", issuer)) ? "has a query" :
      can(regex("#", issuer)) ? "has a fragment" :
      !startswith(issuer, "https://") ? "does not begin with https://" :
      can(regex("^https://[^/]*:[0-9]+(?:/|$)", issuer)) && !can(regex(local.issuer_pattern, issuer)) ?
      "has a port that is not from 1 to 65535" :
      length(issuer) > 512 ? "has ${length(issuer)} characters, and the limit is 512" : "is not a URL",
      ". Write the exact claim iss of a token, such as \"https://auth.example.com\" or \"https://example.eu.auth0.com/\".",
    ])])
  }

  validation {
    condition = try(
      length(var.jwt.audiences) > 0 && alltrue([for audience in var.jwt.audiences : can(regex(local.claim_pattern, audience))]),
      var.jwt == null
    )
    error_message = try(length(var.jwt.audiences) > 0, false) ? join(" ", [for audience in var.jwt.audiences : join(" ", [
      "jwt.audiences: ${try("\"${substr(audience, 0, 80)}\"", "null")} is not an audience. Write the claim aud of a token, 1 to 256",
      "characters without spaces, such as \"https://api.example.com\".",
      ]) if !can(regex(local.claim_pattern, audience))]) : join(" ", [
      "jwt.audiences is empty, so tokens for other APIs of the issuer would be accepted. Write the claim aud of tokens for this API, such",
      "as [\"https://api.example.com\"].",
    ])
  }

  validation {
    condition = var.jwt == null || can(regex(local.claim_pattern, try(var.jwt.groups_claim, "-")))
    error_message = join(" ", [
      "jwt.groups_claim: ${try("\"${substr(var.jwt.groups_claim, 0, 80)}\"", "null")} is not the name of a claim. Write 1 to 256",
      "characters without spaces, such as \"groups\" or \"https://example.com/roles\".",
    ])
  }

  validation {
    condition = try(var.jwt.client_id, null) == null || can(regex(local.claim_pattern, var.jwt.client_id))
    error_message = join(" ", [
      "jwt.client_id: ${try("\"${substr(var.jwt.client_id, 0, 80)}\"", "null")} is not the id of a client. Write the id that the issuer",
      "assigned, 1 to 256 characters without spaces.",
    ])
  }

  validation {
    condition     = try(var.jwt.client_id, null) == null || var.website != null
    error_message = "jwt.client_id is for the web console, but there is no console. Add website = {}, or leave client_id out."
  }

  validation {
    condition     = try(var.jwt.client_scopes, null) == null || try(var.jwt.client_id, null) != null
    error_message = "jwt.client_scopes is for the web console's client, but there is no client. Add client_id, or leave client_scopes out."
  }

  validation {
    condition = alltrue([for scope in try(coalesce(var.jwt.client_scopes), []) : can(regex("^${local.scope_pattern}$", scope))])
    error_message = join(" ", [for scope in try(coalesce(var.jwt.client_scopes), []) : join(" ", [
      "jwt.client_scopes: ${try("\"${substr(scope, 0, 80)}\"", "null")} is not a scope. Write 1 to 256 characters without spaces,",
      "quotation marks and backslashes, such as \"api://1234/orders.write\".",
    ]) if !can(regex("^${local.scope_pattern}$", scope))])
  }

  validation {
    condition = alltrue([for attribute in ["memory_size", "reserved_concurrency"] : try(var.jwt.function[attribute] == null, true) || try(
      var.jwt.function[attribute] >= local.function_bounds[attribute][0] &&
      var.jwt.function[attribute] <= local.function_bounds[attribute][1] &&
      floor(var.jwt.function[attribute]) == var.jwt.function[attribute],
      true
    )])
    error_message = join(" ", [for attribute in ["memory_size", "reserved_concurrency"] : join(" ", [
      "jwt.function.${attribute} is ${var.jwt.function[attribute]}. Write a whole number from ${local.function_bounds[attribute][0]} to",
      "${local.function_bounds[attribute][1]}.",
      ]) if !try(
      var.jwt.function[attribute] == null ? true : var.jwt.function[attribute] >= local.function_bounds[attribute][0] &&
      var.jwt.function[attribute] <= local.function_bounds[attribute][1] &&
      floor(var.jwt.function[attribute]) == var.jwt.function[attribute],
      true
    )])
  }

  validation {
    condition = var.jwt == null || contains(local.log_levels, try(var.jwt.function.log_level, "INFO"))
    error_message = join(" ", [
      "jwt.function.log_level: \"${try(var.jwt.function.log_level, "")}\" is not a level. Write \"DEBUG\", \"INFO\", \"WARNING\" or",
      "\"ERROR\".",
    ])
  }
}

variable "usage_plans" {
  description = <<-EOT
    The limits for API keys, by plan: requests per second, burst, and a quota per DAY, WEEK or MONTH. Trestle creates plans if an
    operation needs a key, or api_keys names one.
  EOT
  type = map(object({
    burst_limit = optional(number, 100)
    quota = optional(object({
      limit  = number
      period = optional(string, "DAY")
    }))
    rate_limit = optional(number, 50)
  }))
  default  = { standard = { quota = { limit = 10000 } } }
  nullable = false

  validation {
    condition = length(var.usage_plans) > 0 && alltrue([for plan in values(var.usage_plans) :
      try(plan.rate_limit > 0 && plan.burst_limit > 0 && floor(plan.burst_limit) == plan.burst_limit, false)
    ])
    error_message = length(var.usage_plans) == 0 ? join(" ", [
      "usage_plans is empty. Write at least one plan: { standard = { rate_limit = 50, burst_limit = 100 } }.",
      ]) : join(" ", [for name, plan in var.usage_plans :
      join(" ", [
        "usage_plans.${name} needs a rate_limit over 0, and a whole number over 0 as burst_limit. Write ${name} =",
        "{ rate_limit = 50, burst_limit = 100 }.",
      ])
      if !try(plan.rate_limit > 0 && plan.burst_limit > 0 && floor(plan.burst_limit) == plan.burst_limit, false)
    ])
  }

  validation {
    condition = alltrue([for name in keys(var.usage_plans) : can(regex(local.label_pattern, name))])
    error_message = join(" ", [for name in keys(var.usage_plans) : join("", [
      "usage_plans: \"${name}\" ",
      name == "" ? "is empty" :
      can(regex("[^A-Za-z0-9_.-]", name)) ?
      "contains ${lookup(local.character_names, regex("[^A-Za-z0-9_.-]", name), "\"${regex("[^A-Za-z0-9_.-]", name)}\"")}" :
      "has ${length(name)} characters",
      ". Write up to 128 letters, digits and . _ -, such as \"standard\"."
    ]) if !can(regex(local.label_pattern, name))])
  }

  validation {
    condition = alltrue([for plan in values(var.usage_plans) :
      try(
        plan.quota.limit > 0 && floor(plan.quota.limit) == plan.quota.limit && contains(["DAY", "WEEK", "MONTH"], plan.quota.period),
        try(plan.quota, null) == null
      )
    ])
    error_message = join(" ", [
      "usage_plans: a quota is { limit = 10000, period = \"DAY\" }, with a whole limit",
      "over 0 and a period of DAY, WEEK or MONTH.",
    ])
  }
}

variable "user_pool" {
  description = <<-EOT
    The user pool for the access cognito. Trestle creates a Cognito user pool, which is free for up to 10,000 users a month.
    app_scopes: the scopes that signed-in users may get, out of those in scopes and access.
    arn: an existing pool. Trestle then creates only the authorizer; clients, groups and domain are the pool's own. If the same apply
      creates the pool, write coalesce(aws_cognito_user_pool.NAME.arn), so that a plan knows that the ARN is not null.
    callback_urls, logout_urls: the URLs of your app, to which users sign in at the pool's domain, with an authorization code and PKCE.
    domain_prefix: the prefix of https://PREFIX.auth.REGION.amazoncognito.com, which issues tokens. With website the default is
      NAME-ENVIRONMENT-ACCOUNT; otherwise, without a prefix, users sign in with the SDK (SRP).
    email: sends mail through your Amazon SES instead of Cognito's own sender, which is limited to about 50 mails a day. from is the sender,
      such as "Notes <no-reply@example.com>". source_arn is its verified identity. reply_to and configuration_set are optional.
    groups: groups besides those in access and fields.
    machine_client: creates a client without a user, which gets tokens with all scopes for its secret. It costs 6 dollars a month, and 2.25
      per 1,000 tokens.
    mfa: one-time passwords from an app: "OPTIONAL", "ON" (for everyone) or "OFF".
    password_minimum_length: the minimum length. Passwords also need upper-case and lower-case letters, digits and symbols.
    scopes: descriptions by scope, for scopes besides those in access.
    self_sign_up: whether anyone may sign up. Otherwise an administrator creates users.
    tokens: the lifetime of access tokens, and of the refresh tokens that renew them.
  EOT
  type = object({
    app_scopes    = optional(set(string), [])
    arn           = optional(string)
    callback_urls = optional(set(string), [])
    domain_prefix = optional(string)
    email = optional(object({
      configuration_set = optional(string)
      from              = string
      reply_to          = optional(string)
      source_arn        = string
    }))
    groups                  = optional(set(string), [])
    logout_urls             = optional(set(string), [])
    machine_client          = optional(bool, false)
    mfa                     = optional(string, "OPTIONAL")
    password_minimum_length = optional(number, 12)
    scopes                  = optional(map(string), {})
    self_sign_up            = optional(bool, false)
    tokens = optional(object({
      access_minutes = optional(number, 60)
      refresh_days   = optional(number, 30)
    }), {})
  })
  default  = {}
  nullable = false

  validation {
    condition = (
      var.user_pool.arn == null ||
      can(regex("^arn:[a-z-]+:cognito-idp:[a-z0-9-]+:[0-9]{12}:userpool/[a-z0-9-]+_[A-Za-z0-9]+$", var.user_pool.arn))
    )
    error_message = join(" ", [
      "user_pool: arn is ${try("\"${var.user_pool.arn}\"", "null")}. Write arn:aws:cognito-idp:REGION:ACCOUNT:userpool/ID, or leave it out",
      "so that Trestle creates a pool.",
    ])
  }

  # Without this rule, mfa = "ON" and the like would silently have no effect.
  validation {
    condition = local.uses_cognito && var.user_pool.arn == null || (
      (local.uses_cognito || var.user_pool.arn == null && length(var.user_pool.scopes) == 0) &&
      var.user_pool.domain_prefix == null &&
      var.user_pool.email == null &&
      !var.user_pool.machine_client &&
      var.user_pool.mfa == "OPTIONAL" &&
      var.user_pool.password_minimum_length == 12 &&
      !var.user_pool.self_sign_up && var.user_pool.tokens.access_minutes == 60 && var.user_pool.tokens.refresh_days == 30 &&
      length(setunion(var.user_pool.app_scopes, var.user_pool.callback_urls, var.user_pool.groups, var.user_pool.logout_urls)) == 0
    )
    error_message = (local.uses_cognito ?
      "user_pool: an existing pool keeps its own clients, groups, domain and rules. Beside arn, write only scopes." :
      join(" ", [
        "user_pool: no operation or route requires cognito, so there is no pool. Write access = { default = \"cognito\" } for an entity,",
        "or leave user_pool out.",
      ])
    )
  }

  # An app's own scheme is its reversed domain (RFC 8252, 7.1). This excludes schemes that a browser
  # executes, such as javascript:.
  validation {
    condition = alltrue([for url in setunion(var.user_pool.callback_urls, var.user_pool.logout_urls) :
      can(
        regex(
          try(startswith(url, "http://"), false) ? "^http://localhost([:/][^#]*)?$" : "^(https|[a-z][a-z0-9+-]*(\\.[a-z0-9+-]+)+)://[^#]+$",
          url
        )
      )
    ])
    error_message = join(" ", [for url in setunion(var.user_pool.callback_urls, var.user_pool.logout_urls) : join("", [
      "user_pool: the URL ${try("\"${url}\"", "null")} ",
      can(regex("#", url)) ?
      "has a #, which Cognito refuses" :
      can(regex("^http://", url)) ?
      "is not encrypted" :
      "has a scheme that callback_urls and logout_urls cannot have",
      join(" ", [
        ". Write one that begins with https://, http://localhost or an app's own scheme, such as com.example.app://, and has no #:",
        "\"https://app.example.com/signed-in\".",
      ])
      ])
      if !can(regex(try(startswith(url, "http://"), false) ? "^http://localhost([:/][^#]*)?$" :
    "^(https|[a-z][a-z0-9+-]*(\\.[a-z0-9+-]+)+)://[^#]+$", url))])
  }

  validation {
    condition = length(var.user_pool.callback_urls) <= 100 && length(var.user_pool.logout_urls) <= 100
    error_message = join(" ", [
      "user_pool: there are ${length(var.user_pool.callback_urls)} callback_urls and ${length(var.user_pool.logout_urls)} logout_urls, and",
      "Cognito allows 100 of each. Write fewer.",
    ])
  }

  validation {
    condition = (
      var.user_pool.domain_prefix == null ||
      (
        can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.user_pool.domain_prefix)) &&
        !can(regex("aws|amazon|cognito", var.user_pool.domain_prefix))
      )
    )
    error_message = join("", [
      "user_pool: the domain_prefix ${try("\"${var.user_pool.domain_prefix}\"", "null")} ",
      try(var.user_pool.domain_prefix == "", false) ? "is empty" :
      can(regex("[^a-z0-9-]", var.user_pool.domain_prefix)) ? join(" ", ["contains", lookup(
        local.character_names, regex("[^a-z0-9-]", var.user_pool.domain_prefix), "\"${regex("[^a-z0-9-]", var.user_pool.domain_prefix)}\""
      )]) :
      can(regex("aws|amazon|cognito", var.user_pool.domain_prefix)) ?
      "contains ${try(regex("aws|amazon|cognito", var.user_pool.domain_prefix), "")}, which AWS reserves" :
      can(regex("^-|-$", var.user_pool.domain_prefix)) ? "begins or ends with a hyphen" :
      "has ${try(length(var.user_pool.domain_prefix), 0)} characters",
      ". Write up to 63 lower-case letters, digits and hyphens that no other pool of the region has, such as \"notes-example\"."
    ])
  }

  validation {
    condition = (
      var.website == null ||
      !local.uses_cognito ||
      var.user_pool.arn != null ||
      var.user_pool.domain_prefix != null ||
      !can(regex("aws|amazon|cognito", local.identifier))
    )
    error_message = join(" ", [
      "user_pool: the website's sign-in domain would contain ${local.identifier}, but Cognito refuses the words aws, amazon and cognito.",
      "Write a domain_prefix without them.",
    ])
  }

  validation {
    condition = (
      var.user_pool.domain_prefix != null ||
      var.website != null ||
      length(var.user_pool.callback_urls) == 0 && length(var.user_pool.logout_urls) == 0 && !var.user_pool.machine_client
    )
    error_message = "user_pool: callback_urls, logout_urls and machine_client need a domain that issues tokens. Add a domain_prefix."
  }

  validation {
    condition = (
      var.user_pool.email == null ||
      can(regex("^arn:[a-z-]+:ses:[a-z0-9-]+:[0-9]{12}:identity/[^/\\s]+$", var.user_pool.email.source_arn))
    )
    error_message = join(" ", [
      "user_pool.email: source_arn ${try("\"${var.user_pool.email.source_arn}\"", "null")} is not the ARN of an identity of Amazon SES.",
      "Write arn:aws:ses:REGION:ACCOUNT:identity/DOMAIN or the same with a verified address.",
    ])
  }

  validation {
    condition = (
      var.user_pool.email == null ||
      can(regex("^(?:[^<>@]*[^<>@\\s]\\s*<${local.address_pattern}>|${local.address_pattern})$", var.user_pool.email.from))
    )
    error_message = join(" ", [
      "user_pool.email: from ${try("\"${var.user_pool.email.from}\"", "null")} is neither an address nor a name with one. Write",
      "\"no-reply@example.com\" or \"Notes <no-reply@example.com>\".",
    ])
  }

  # SES sends for the addresses of a verified domain and of its subdomains, or for the one verified address.
  validation {
    condition = var.user_pool.email == null || try(anytrue(flatten([
      for identity in [lower(split(":identity/", var.user_pool.email.source_arn)[1])] : [
        for address in [lower(reverse(split("<", trimsuffix(var.user_pool.email.from, ">")))[0])] :
        strcontains(identity, "@") ? address == identity : endswith(address, "@${identity}") || endswith(address, ".${identity}")
      ]
    ])), true)
    error_message = join(" ", [
      "user_pool.email: the identity of source_arn, \"${try(split(":identity/", var.user_pool.email.source_arn)[1], "")}\", does not cover",
      "from, ${try("\"${var.user_pool.email.from}\"", "null")}. Write an address of that domain, or the ARN of an identity that covers it.",
    ])
  }

  validation {
    condition = (
      try(var.user_pool.email.reply_to, null) == null || can(regex("^${local.address_pattern}$", var.user_pool.email.reply_to))
    )
    error_message = join(" ", [
      "user_pool.email: reply_to ${try("\"${var.user_pool.email.reply_to}\"", "null")} is not an address. Write one such as",
      "\"support@example.com\", or leave it out.",
    ])
  }

  validation {
    condition = (
      try(var.user_pool.email.configuration_set, null) == null ||
      can(regex("^[A-Za-z0-9_-]{1,64}$", var.user_pool.email.configuration_set))
    )
    error_message = join(" ", [
      "user_pool.email: configuration_set ${try("\"${var.user_pool.email.configuration_set}\"", "null")} is not the name of a",
      "configuration set. Write up to 64 letters, digits and _ -, or leave it out.",
    ])
  }

  validation {
    condition     = length(var.user_pool.logout_urls) == 0 || length(var.user_pool.callback_urls) > 0
    error_message = "user_pool: logout_urls are for users who signed in by callback_urls, but there are none. Add callback_urls."
  }

  validation {
    condition = alltrue([for group in var.user_pool.groups : can(regex(local.label_pattern, group))])
    error_message = join(" ", [for group in [for group in var.user_pool.groups : group == null ? "" : group] : join("", [
      "user_pool.groups: \"${group}\" ",
      group == "" ? "is empty" :
      can(regex("[^A-Za-z0-9_.-]", group)) ?
      "contains ${lookup(local.character_names, regex("[^A-Za-z0-9_.-]", group), "\"${regex("[^A-Za-z0-9_.-]", group)}\"")}" :
      "has ${length(group)} characters",
      ". Write up to 128 letters, digits and . _ -, such as \"admins\"."
    ]) if !can(regex(local.label_pattern, group))])
  }

  validation {
    condition = alltrue([for scope in keys(var.user_pool.scopes) : can(regex(local.label_pattern, scope))])
    error_message = join(" ", [for scope in keys(var.user_pool.scopes) : join("", [
      "user_pool.scopes: \"${scope}\" ",
      scope == "" ? "is empty" :
      can(regex("[^A-Za-z0-9_.-]", scope)) ?
      "contains ${lookup(local.character_names, regex("[^A-Za-z0-9_.-]", scope), "\"${regex("[^A-Za-z0-9_.-]", scope)}\"")}" :
      "has ${length(scope)} characters",
      ". Write up to 128 letters, digits and . _ -, such as \"import\"."
    ]) if !can(regex(local.label_pattern, scope))])
  }

  validation {
    condition = alltrue([for description in values(var.user_pool.scopes) :
      try(trimspace(description) != "" && length(description) <= 256, false)
    ])
    error_message = join(" ", [for scope, description in var.user_pool.scopes :
      join(" ", [
        "user_pool.scopes.${scope}: the description",
        "${try(length(description) > 256, false) ? "has ${length(description)} characters" : "is empty"}. Write 1 to 256 characters, such",
        "as { ${scope} = \"Imports items\" }.",
      ])
      if !try(trimspace(description) != "" && length(description) <= 256, false)
    ])
  }

  validation {
    condition = length(setunion(keys(var.user_pool.scopes), local.access_scopes)) <= 100
    error_message = join(" ", [
      "user_pool: there are ${length(setunion(keys(var.user_pool.scopes), local.access_scopes))} scopes, including those in access, and",
      "Cognito allows 100. Write fewer.",
    ])
  }

  validation {
    # A client may have 50 scopes, and an app's client also has email, openid and profile.
    condition = (
      length(var.user_pool.app_scopes) <= 47 &&
      (!var.user_pool.machine_client || length(setunion(keys(var.user_pool.scopes), local.access_scopes)) <= 50)
    )
    error_message = join(" ", [
      "user_pool: Cognito allows 50 scopes for a client. Write at most 47 app_scopes (there are ${length(var.user_pool.app_scopes)}), and",
      "at most 50 scopes beside a machine_client (there are ${length(setunion(keys(var.user_pool.scopes), local.access_scopes))}).",
    ])
  }

  validation {
    condition = length(setsubtract(var.user_pool.app_scopes, concat(keys(var.user_pool.scopes), local.access_scopes))) == 0
    error_message = join("", [
      "user_pool: app_scopes has ",
      join(", ", [for scope in setsubtract(var.user_pool.app_scopes, concat(keys(var.user_pool.scopes), local.access_scopes)) :
        try("\"${scope}\"", "null")
      ]),
      ", which is not a scope of this API. Add it to scopes: { NAME = \"what it is for\" }.",
    ])
  }

  validation {
    condition = !var.user_pool.machine_client || length(var.user_pool.scopes) + length(local.access_scopes) > 0
    error_message = join(" ", [
      "user_pool: a machine_client gets tokens for scopes, but there is no scope. Write scopes = { NAME = \"what it is for\" }, or access",
      "= { OPERATION = \"cognito:scope=NAME\" }.",
    ])
  }

  validation {
    condition     = contains(["OFF", "ON", "OPTIONAL"], var.user_pool.mfa)
    error_message = "user_pool: mfa is \"${var.user_pool.mfa}\". Write \"OFF\", \"ON\" or \"OPTIONAL\"."
  }

  validation {
    condition     = contains(range(8, 100), var.user_pool.password_minimum_length)
    error_message = "user_pool: password_minimum_length is ${var.user_pool.password_minimum_length}. Write a whole number from 8 to 99."
  }

  validation {
    condition = (
      var.user_pool.tokens.access_minutes >= 5 && var.user_pool.tokens.access_minutes <= 1440 && var.user_pool.tokens.refresh_days >= 1 &&
      var.user_pool.tokens.refresh_days <= 3650 && alltrue([for n in values(var.user_pool.tokens) : floor(n) == n])
    )
    error_message = join(" ", [
      "user_pool: tokens has access_minutes = ${var.user_pool.tokens.access_minutes} and refresh_days =",
      "${var.user_pool.tokens.refresh_days}. Write whole numbers from 5 to 1440 and from 1 to 3650.",
    ])
  }

  validation {
    condition = var.user_pool.tokens.access_minutes < var.user_pool.tokens.refresh_days * 24 * 60
    error_message = join(" ", [
      "user_pool: a refresh token has to outlast the access tokens that it renews. Write tokens with fewer access_minutes than",
      "refresh_days * 1440.",
    ])
  }
}
