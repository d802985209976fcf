# Written by `python -m tools.reference` from modules/service, which validates them.

variable "alarms" {
  description = <<-EOT
    Alarms, or null for none. Periods are five minutes. 0 disables an alarm. docs/how-to/runbook.md says what to do about each one. They
    cost about 6.60 dollars a month for an entity with six operations: 0.10 for each metric of an alarm, and 0.50 for each composite alarm,
    of which each entity and the API have one.
    api_4xx: refused requests, in each of two periods. This alarm notifies separately, since refusals may last and must not hide faults.
    api_5xx: requests that fail in the gateway or a function, in each of two periods.
    dead_letters: jobs and changes in the dead-letter queue of one of your functions.
    duration_percent: the percentage of a request's time limit, in each of two periods.
    emails: the addresses to notify. Each one has to confirm by the link in a first mail.
    error_rate_percent: the percentage of a function's requests that fail.
    errors: requests, changes or jobs that fail in a function, in each of two periods.
    iterator_age_seconds: the time that changes wait for one of your functions, in each of two periods.
    latency_p99_ms: the 99th percentile of latency, in each of two periods.
    message_age_seconds: the time that a job waits for one of your functions, in each of two periods; at least the time of its retries.
    requests: the minimum of requests in a period for error_rate_percent and latency_p99_ms to apply.
    table_system_errors, table_throttles: requests that fail or are throttled in DynamoDB, in each of two periods.
    throttles: requests that Lambda throttles.
    topic_arn: an existing topic of this region, in place of emails. Otherwise Trestle creates one, under the customer key. The topic's
      policy has to let CloudWatch publish, and its key's policy has to let CloudWatch encrypt; the output policy_statements has the
      statements. If the same apply creates the topic, write coalesce(aws_sns_topic.NAME.arn), so that a plan knows that the ARN is not
      null.
  EOT
  type = object({
    api_4xx              = optional(number, 10)
    api_5xx              = optional(number, 5)
    dead_letters         = optional(number, 1)
    duration_percent     = optional(number, 80)
    emails               = optional(set(string), [])
    error_rate_percent   = optional(number, 5)
    errors               = optional(number, 5)
    iterator_age_seconds = optional(number, 300)
    latency_p99_ms       = optional(number, 3000)
    message_age_seconds  = optional(number, 3600)
    requests             = optional(number, 20)
    table_system_errors  = optional(number, 1)
    table_throttles      = optional(number, 1)
    throttles            = optional(number, 10)
    topic_arn            = optional(string)
  })
  default = null
}

variable "api_key_values" {
  description = <<-EOT
    Values of API keys, by key name, for local runs and tests. Leave it empty in AWS, which then generates the values, so that no tfvars
    contains them.
  EOT
  type        = map(string)
  default     = {}
  nullable    = false
  sensitive   = true
}

variable "api_keys" {
  description = <<-EOT
    API keys by name, each with its usage plan. By default (null) there is one key, "default", on the plan "standard" or the only plan, if
    an operation needs a key.
  EOT
  type        = map(string)
  default     = null
}

variable "audit" {
  description = <<-EOT
    Audit records of who read or changed which item, which CloudTrail keeps in a separate bucket, or null for none. They cost about 0.10
    dollars per 100,000 requests to the tables, and next to nothing to keep. You do not need them if an organisation's trail has the tables'
    data events.
    retention_years: the years for which records are kept, 1 to 7.
  EOT
  type        = object({ retention_years = optional(number, 1) })
  default     = null
}

variable "backup" {
  description = <<-EOT
    Copies of the tables by AWS Backup, in a vault under the customer key, or null for none. Without them, point-in-time recovery, which
    every table has, goes back 35 days. Each GB of each copy costs about 0.10 dollars a month, and all copies are full copies: daily copies
    of 1 GB cost 3.50 dollars a month if they are kept for 35 days.
    daily_days: the days for which each daily copy is kept.
    monthly_days: the days for which the copy of each month's first day is kept; null for no monthly copies.
  EOT
  type = object({
    daily_days   = optional(number, 35)
    monthly_days = optional(number)
  })
  default = null
}

variable "budget" {
  description = <<-EOT
    A monthly budget for the system, or null for none. It costs nothing. AWS finds the system's costs by the tags Project and Environment,
    which you have to activate as cost allocation tags first.
    emails: the addresses to notify when actual costs pass 80 and 100 percent, and when the forecast passes 100 percent.
    monthly: the limit in dollars.
  EOT
  type        = object({ emails = set(string), monthly = number })
  default     = null
}

variable "code_signing_config_arn" {
  description = <<-EOT
    The ARN of an existing Lambda code signing configuration for all functions, or null for none. With the policy Warn, functions run
    unsigned packages, and Lambda counts a warning. With Enforce, packages have to be signed (docs/how-to/security-team.md).
  EOT
  type        = string
  default     = null
}

variable "cors_origins" {
  description = <<-EOT
    The origins whose scripts may call the API: ["*"], or a list such as ["https://app.example.com"]. Write origins as browsers send them:
    in lower case, with a port only if it is not the default, without a path. Cookies are never allowed; keys and tokens are headers.
  EOT
  type        = list(string)
  default     = ["*"]
  nullable    = false
}

variable "dashboard" {
  description = <<-EOT
    Whether to create a CloudWatch dashboard with traffic, errors, latency and capacity by entity, and billed quantities. An account's
    first three dashboards are free; each further one costs 3 dollars a month.
  EOT
  type        = bool
  default     = true
  nullable    = false
}

variable "deletion_protection" {
  description = <<-EOT
    Whether AWS refuses to delete the tables, the user pool, the audit records and the recovery points. To destroy the environment, apply
    false first.
  EOT
  type        = bool
  default     = false
  nullable    = false
}

variable "docs" {
  description = "Who may read the API's OpenAPI document, at /openapi.json: open, api_key or none."
  type        = string
  default     = "open"
  nullable    = false
}

variable "domain" {
  description = <<-EOT
    The API's own domain name, with TLS 1.2 or 1.3, or null for API Gateway's address. It costs nothing. The API then answers only at that
    name.
    certificate_arn: the ACM certificate for the name, in the API's region. You create the DNS record, which points to the output
      domain_target. If the same apply creates the certificate, write coalesce(aws_acm_certificate.NAME.arn), so that a plan knows that the
      ARN is not null.
    name: the domain name, such as "api.example.com". Each environment needs its own.
    ownership_certificate_arn: a certificate for the name that ACM issued. You need it with truststore if certificate_arn is imported or
      issued by a private authority.
    truststore: enables mutual TLS. The API answers only clients with a certificate of an authority in this file, s3://BUCKET/KEY. The
      bucket has to be in the API's region.
    truststore_version: the version of that object. Without it, a plan does not notice a new version.
    zone_id: the Route 53 hosted zone for the name, in place of certificate_arn. Trestle then creates the certificate and the DNS records.
  EOT
  type = object({
    certificate_arn           = optional(string)
    name                      = string
    ownership_certificate_arn = optional(string)
    truststore                = optional(string)
    truststore_version        = optional(string)
    zone_id                   = optional(string)
  })
  default = null
}

variable "encryption" {
  description = <<-EOT
    customer_key: whether your own key encrypts tables, logs and function settings (one dollar a month). Otherwise AWS's keys do.
    deletion_window_in_days: the days for which a destroyed key can be recovered; 30 by default.
    key_arn: an existing key for this purpose, in place of a new one. Its policy needs the statements in the output kms_key_statements. If
      the same apply creates the key, write coalesce(aws_kms_key.NAME.arn), so that a plan knows that the ARN is not null.
  EOT
  type = object({
    customer_key            = optional(bool, true)
    deletion_window_in_days = optional(number)
    key_arn                 = optional(string)
  })
  default  = {}
  nullable = false
}

variable "entities" {
  description = <<-EOT
    The entities that the API serves, by name. All attributes are optional.
    access: who may call, by operation; "default" applies to the others: open, api_key, iam, cognito (any signed-in user),
      cognito:group=NAME or cognito:scope=NAME; jwt, jwt:group=NAME or jwt:scope=NAME for tokens of the issuer in the variable jwt.
    acts_for: who may write the items of other owners: "group=NAME" or "scope=NAME".
    fields: who may read and write single properties of the schema: "group=NAME", "scope=NAME", "owner" or "nobody", such as { salary = {
      read = "group=hr", write = "group=hr" } }. Responses omit properties that the caller may not read. A request that sets properties that
      the caller may not write gets 403.
    filters: the properties that lists can be filtered by, each with its sort property, createdAt by default.
    function: settings of the entity's functions. With reserved_concurrency null they use the account's unreserved concurrency.
    functions: "per_operation" gives each operation a function with its own permissions; "per_entity" uses one function for all of them.
    hooks: your own Python code inside operations, in the module app/CODE.py: before_create, before_update, before_delete and present. The
      operations that each hook may use are in uses, by entity, such as { before_create = { rooms = ["get"] } }.
    ids: "server" generates every id; "client" accepts the id in a body.
    list: "created" orders lists by createdAt, with an index; "unordered" needs no index.
    operations: any of create, delete, get, list, merge, replace; [] for an entity that only your own code uses.
    owner: who owns items: "sub" for the user or client in the token's subject, "claim:NAME" for the value of a claim, such as a tenant.
      Callers reach only their own items, unless sees_all or acts_for allows more; other items return 404. Every operation needs the access
      cognito or jwt.
    path: the collection's path, such as "todos" or "v1/todos", of one to four segments; "/" is the root of the API. The default is the
      entity's name.
    put: "replace" accepts whole items; "merge" accepts partial ones.
    schema: a JSON Schema under schemas/. Without a schema, any JSON object is an item.
    sees_all: who may read the items of all owners: "group=NAME" or "scope=NAME". With acts_for or sees_all, these callers may name an
      owner in a request.
    ttl: a property with the time at which an item expires, as a date-time or in seconds since 1970.
  EOT
  type = map(object({
    access   = optional(map(string), {})
    acts_for = optional(string)
    fields   = optional(map(object({ read = optional(string), write = optional(string) })), {})
    filters  = optional(map(object({ sort = optional(string, "createdAt") })), {})
    function = optional(object({
      log_level            = optional(string, "INFO")
      memory_size          = optional(number, 256)
      reserved_concurrency = optional(number)
      snap_start           = optional(bool, false)
      timeout              = optional(number, 30)
    }), {})
    functions = optional(string, "per_operation")
    hooks = optional(object({
      code = string
      uses = optional(map(map(set(string))), {})
    }))
    ids        = optional(string, "server")
    list       = optional(string, "created")
    operations = optional(set(string))
    owner      = optional(string)
    path       = optional(string)
    put        = optional(string, "replace")
    schema     = optional(string)
    sees_all   = optional(string)
    ttl        = optional(string)
  }))
  nullable = false
}

variable "environment" {
  description = "The environment's name: the suffix of every resource's name, and the API's stage."
  type        = string
  nullable    = false
}

variable "functions" {
  description = <<-EOT
    Your own functions, by name. A function has at most one of routes, changes, queue, schedule and event; without any, it runs only when
    you call `make run`. All attributes are optional.
    changes: runs the function after changes, by entity. kind: "created", "updated", "deleted" or "expired". becomes: values that properties
      have after the change but not before, such as { orders = [{ kind = "updated", becomes = { status = "shipped" } }] }.
    code: the module in app/, optionally with the function in it (default: handle). "notify:deliver" is deliver() in app/notify.py. The
      default is the function's name with _ for -.
    egress: whether the function calls anything outside of AWS. In a VPC this needs a NAT gateway or another way out.
    event: runs the function on EventBridge events by source, types and values of their detail, such as { "bucket.name" = ["pictures"] }.
    fields: the properties that the function may read and write, if entities have fields: "caller" for those of the route's caller, "any"
      for all.
    imports: whether changes include those by `make import`.
    owners: the items that the function reaches in entities with owners: "caller" for the caller's, "any" for those of all owners.
    queue: runs the function for each job that other functions send. attempts: the number of attempts. backoff: the first and the longest
      wait between attempts, such as "10s-1h". Failed jobs move to the dead-letter queue.
    routes: the API's routes that the function serves, such as "POST /orders/{id}/pay". call: the function in the module. access: as in
      entities. accepts: the body's media types, JSON by default. body, query, answers (by status): JSON Schemas under schemas/. summary,
      description: texts for the OpenAPI document.
    schedule: runs the function at times, such as "rate(1 day)" or "cron(0 3 * * ? *)", in UTC.
    secrets: ARNs of Secrets Manager secrets, by their names in the code.
    sends: the functions with a queue to which it may send jobs.
    settings: the values that the code reads with setting(), by name.
    statements: further permissions in AWS: lists of actions and resources.
    timeout: the time limit in seconds; 29 for routes, otherwise 60 by default.
    uses: the operations that the code may use, by entity, such as { orders = ["get", "merge"] }. Without it, the function reaches no table.
  EOT
  type = map(object({
    changes = optional(map(list(object({ becomes = optional(map(string), {}), kind = string }))))
    code    = optional(string)
    egress  = optional(bool, false)
    event = optional(object({
      bus    = optional(string, "default")
      detail = optional(map(set(string)), {})
      source = string
      types  = optional(set(string), [])
    }))
    fields               = optional(string, "caller")
    imports              = optional(bool, false)
    log_level            = optional(string, "INFO")
    memory_size          = optional(number, 256)
    owners               = optional(string, "caller")
    queue                = optional(object({ attempts = optional(number, 5), backoff = optional(string, "10s-1h") }))
    reserved_concurrency = optional(number)
    routes = optional(map(object({
      accepts     = optional(set(string), [])
      access      = optional(string)
      answers     = optional(map(string), {})
      body        = optional(string)
      call        = string
      description = optional(string)
      query       = optional(string)
      summary     = optional(string)
    })))
    schedule   = optional(string)
    secrets    = optional(map(string), {})
    sends      = optional(set(string), [])
    settings   = optional(map(string), {})
    statements = optional(list(object({ actions = set(string), resources = set(string) })), [])
    timeout    = optional(number)
    uses       = optional(map(set(string)), {})
  }))
  default  = {}
  nullable = false
}

variable "info" {
  description = <<-EOT
    The API's owner in the OpenAPI document.
    contact: the contact for questions about the API: name, email and url. The default name is the API's.
    license: the name and the url of the API's licence. By default, the OpenAPI document grants none.
  EOT
  type = object({
    contact = optional(object({ name = optional(string), email = optional(string), url = optional(string) }), {})
    license = optional(
      object({ name = string, url = string }), { name = "No licence granted", url = "https://choosealicense.com/no-permission/" }
    )
  })
  default  = {}
  nullable = false
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
}

variable "log_bucket" {
  description = <<-EOT
    The name of an existing bucket for access logs in this account and region, or null for none. It gets those of the website's and the
    audit trail's buckets under s3/BUCKET/, and of the website's distribution under cloudfront/ (website.access_log). The output
    policy_statements has the statements for its policy. If the same apply creates the bucket, write coalesce(aws_s3_bucket.NAME.bucket),
    so that a plan knows that the name is not null.
  EOT
  type        = string
  default     = null
}

variable "log_retention_days" {
  description = "The days for which log groups keep their events."
  type        = number
  default     = 365
  nullable    = false
}

variable "metrics" {
  description = <<-EOT
    Whether log lines also become CloudWatch metrics by entity and operation: requests, latency, faults, validation failures, conflicts,
    throttles, replays and cold starts. Each metric costs 0.30 dollars a month, prorated by the hours with data. An operation in use has
    two, and further ones when they occur. Without these metrics, alarms and dashboard use those of Lambda, API Gateway and DynamoDB, which
    do not count a function's own 5xx responses.
  EOT
  type        = bool
  default     = true
  nullable    = false
}

variable "name" {
  description = "The system's name: the prefix of every resource's name."
  type        = string
  nullable    = false
}

variable "network" {
  description = <<-EOT
    The functions' VPC: a new one, an existing one, or null for none.
    cidr: the VPC's addresses, from a /16 to a /20; 10.0.0.0/16 by default.
    endpoints: the AWS services with interface endpoints, such as "kms". Each costs about 7 dollars a month and zone. DynamoDB and S3
      always have gateway endpoints, which are free.
    nat: NAT gateways to the internet: "none", "single" (about 33 dollars a month) or "per_az" (33 dollars for each zone).
    private_subnets, public_subnets: one CIDR block per zone; by default two of each, taken from cidr.
    vpc_id, subnet_ids: an existing VPC, and its subnets for the functions, in at least two zones. Trestle creates only security groups
      there. Endpoints, routes and NAT are the owner's, and `make preflight` checks them. Both may come from the same apply.
  EOT
  type = object({
    cidr            = optional(string)
    endpoints       = optional(set(string))
    nat             = optional(string)
    private_subnets = optional(list(string))
    public_subnets  = optional(list(string))
    subnet_ids      = optional(list(string))
    vpc_id          = optional(string)
  })
  default = {}
}

variable "permissions_boundary" {
  description = <<-EOT
    The ARN of a permissions boundary for all roles of the system, or null for none. CI's deploy role can create only roles with the
    boundary that bootstrap/ prints.
  EOT
  type        = string
  default     = null
}

variable "private" {
  description = <<-EOT
    An API that answers only inside VPCs, or null for an API on the internet. It costs nothing itself.
    vpc_endpoint_ids: the interface endpoints for execute-api that may call the API. API Gateway refuses all other calls. The output
      private_urls has the API's address for each endpoint.
  EOT
  type = object({
    vpc_endpoint_ids = set(string)
  })
  default = null
}

variable "region" {
  description = "The AWS region of all resources."
  type        = string
  default     = "us-west-2"
  nullable    = false
}

variable "release" {
  description = <<-EOT
    How `make release` deploys new versions of the functions: as a canary for a part of the requests, then for all or none.
    faults: the number of 5xx responses, crashes or timeouts of the new versions that rolls them back. An alarm also rolls them back, and so
      do 4xx responses that are far more frequent than those of the live versions.
    minutes: the duration of the canary; most alarms need two periods of five minutes.
    percent: the percentage of requests for the canary.
  EOT
  type = object({
    faults  = optional(number, 1)
    minutes = optional(number, 15)
    percent = optional(number, 10)
  })
  default  = {}
  nullable = false
}

variable "tags" {
  description = "At most 46 tags of all resources, besides Project, Environment and ManagedBy. Keys must differ by more than case."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "throttle" {
  description = "The limits of each method: requests per second, and burst. Beyond these, the API returns 429."
  type = object({
    burst_limit = optional(number, 2000)
    rate_limit  = optional(number, 1000)
  })
  default  = {}
  nullable = false
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
}

variable "validate_bodies_at_gateway" {
  description = <<-EOT
    Whether API Gateway refuses bodies that do not match the schema. It then invokes no function for them, but its response does not show
    where the fault is.
  EOT
  type        = bool
  default     = false
  nullable    = false
}

variable "waf" {
  description = <<-EOT
    A web application firewall for the API, or null for none. It limits requests by address, refuses known attacks, and counts callers
    that hide behind VPNs and proxies. It costs 8 dollars a month, one more each with countries and with website, and 0.60 per million
    requests.
    countries: the countries that may call, by codes such as "DE"; empty for all.
    rate_limit: the number of requests that an address may send within five minutes.
  EOT
  type = object({
    countries  = optional(set(string), [])
    rate_limit = optional(number, 2000)
  })
  default = null
}

variable "website" {
  description = <<-EOT
    The web console, a page for items and the API's documentation, or null for none. CloudFront serves it, and sends /api to the API. It
    costs nothing up to a terabyte and 10 million requests a month. With the access cognito, users also get a sign-in page
    (user_pool.domain_prefix).
    access_log: whether the distribution writes its access log to log_bucket. CloudFront requires a bucket with ACLs enabled.
    aliases: your own domain names for the page. website_url has the first one; point them to website_domain.
    certificate_arn: the certificate for the aliases, in us-east-1.
    price_class: "PriceClass_100" serves from North America and Europe, "PriceClass_200" also from Asia and Africa, "PriceClass_All" from
      everywhere.
    web_acl_arn: a web ACL of the scope CLOUDFRONT, which has to be in us-east-1. It protects the page; waf also protects /api behind it.
  EOT
  type = object({
    access_log      = optional(bool, true)
    aliases         = optional(list(string), [])
    certificate_arn = optional(string)
    price_class     = optional(string, "PriceClass_100")
    web_acl_arn     = optional(string)
  })
  default = null
}
