# Written by `python docs/reference.py` from modules/service, which validates them.

variable "alarms" {
  description = <<-EOT
    Alarms, or null for none: about 6.60 dollars a month for an entity of six operations, since each costs 0.10 for a metric it looks at,
    and 0.50 for each entity
    and for the API, which tells for all of them. They look at five minutes at a time. docs/how-to/runbook.md says what to do about each. 0
    leaves one out.
    api_4xx: requests that are refused, in each of two periods. This one tells for itself: what callers do may last, and hides nothing of
      what is ours.
    api_5xx: requests that the gateway or a function fails, in each of two periods.
    dead_letters: jobs and changes in the dead-letter queue of a function of your own.
    duration_percent: of the time that a request has, in each of two periods.
    emails: whom to write to. Each address has to agree, by the link in a first mail.
    error_rate_percent: of a function's requests that fail.
    errors: requests, changes or jobs that fail in a function, in each of two periods.
    iterator_age_seconds: how long changes wait for a function of your own, in each of two periods.
    latency_p99_ms: what one request in a hundred takes or more, in each of two periods.
    message_age_seconds: how long a job waits for a function of your own, in each of two periods; never less than its retries may take.
    requests: how many a period needs, for error_rate_percent and latency_p99_ms to mean anything.
    table_system_errors, table_throttles: requests that DynamoDB fails or throttles, in each of two periods.
    throttles: requests for which Lambda has no function free.
    topic_arn: an existing topic of this region, in place of emails; else one is made, under the customer key. Its policy has to let
      CloudWatch publish, and its key's policy let CloudWatch encrypt: the output policy_statements has the statements. If the same apply
      makes the topic, write coalesce(aws_sns_topic.NAME.arn): a plan has to know that the ARN is not null.
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
    Values for keys of api_keys, by key name. For local runs and tests; leave it empty in AWS, which then makes the values and keeps them
    out of the tfvars.
  EOT
  type        = map(string)
  default     = {}
  nullable    = false
  sensitive   = true
}

variable "api_keys" {
  description = <<-EOT
    API keys by name, each with the usage plan it belongs to. Null: one key, "default", on the plan "standard" or the only one, where an
    operation asks for a key.
  EOT
  type        = map(string)
  default     = null
}

variable "audit" {
  description = <<-EOT
    Records of who read or changed which item, kept by CloudTrail in a bucket of their own; or null for none. They cost about 0.10 dollars
    for
    100,000 requests to the tables, and next to nothing to keep. An organisation's trail that has the tables' data events does as well.
    retention_years: how long they are kept, from 1 to 7.
  EOT
  type        = object({ retention_years = optional(number, 1) })
  default     = null
}

variable "backup" {
  description = <<-EOT
    Copies of the tables by AWS Backup, in a vault under the customer key; or null for none: point-in-time recovery, which every table
    has, goes back 35 days.
    Each GB of each copy costs about 0.10 dollars a month, and every copy is a whole one: 3.50 dollars for a table of 1 GB that is kept
    for 35 days.
    daily_days: how long each day's copy is kept, in days.
    monthly_days: how long that of each month's first day is kept, in days; null makes none.
  EOT
  type = object({
    daily_days   = optional(number, 35)
    monthly_days = optional(number)
  })
  default = null
}

variable "budget" {
  description = <<-EOT
    A monthly budget for what this system costs, or null for none. It costs nothing. AWS tells the system's costs by the tags Project and
    Environment, which have to be activated as cost allocation tags first.
    emails: whom to write to when actual costs pass 80 and 100 percent, and when the forecast passes 100 percent.
    monthly: the limit in dollars.
  EOT
  type        = object({ emails = set(string), monthly = number })
  default     = null
}

variable "code_signing_config_arn" {
  description = <<-EOT
    ARN of an existing code signing configuration of Lambda for every function, or null for none. With the policy Warn, functions run
    unsigned packages as before, and Lambda counts a warning. With Enforce, packages have to be signed (docs/how-to/security-team.md).
  EOT
  type        = string
  default     = null
}

variable "cors_origins" {
  description = <<-EOT
    Origins whose scripts may call the API: ["*"], or origins as browsers send them, such as "https://app.example.com": in lower case, with
    a port only if it is not the default, and without a path. Cookies are never allowed: keys and tokens travel in headers.
  EOT
  type        = list(string)
  default     = ["*"]
  nullable    = false
}

variable "dashboard" {
  description = <<-EOT
    A dashboard in CloudWatch: traffic, errors, latency and capacity by entity, and what is paid for. An account's first three are free,
    each other one is 3 dollars a month.
  EOT
  type        = bool
  default     = true
  nullable    = false
}

variable "deletion_protection" {
  description = <<-EOT
    Refuse to delete the tables, the user pool, the audit's records and the recovery points, whoever asks. To destroy the environment, apply
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
    A name of your own for the API, with TLS 1.2 or 1.3, or null for API Gateway's. It costs nothing. The API then answers at that name
    alone.
    certificate_arn: ACM's certificate for the name, in the region of the API. Make the DNS record yourself; it points to the output
      domain_target. If the same apply makes the certificate, write coalesce(aws_acm_certificate.NAME.arn): a plan has to know that the
      ARN is not null.
    name: such as "api.example.com". Each environment needs a name of its own.
    ownership_certificate_arn: with truststore, if you imported certificate_arn or a private authority issued it: a certificate for the
      name that ACM itself issued.
    truststore: mutual TLS: only clients get an answer that show a certificate of an authority in this file, s3://BUCKET/KEY. The bucket
      has to be in the region of the API.
    truststore_version: of that object; without it a plan does not see a new one.
    zone_id: instead of certificate_arn, the hosted zone of Route 53 for the name. Trestle then makes the certificate and the DNS records.
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
    customer_key: encrypt tables, logs and function settings with a key of your own (one dollar a month), else with keys AWS owns.
    deletion_window_in_days: how long a destroyed key can still be recovered; 30 by default.
    key_arn: an existing key for that, whose policy needs what the output kms_key_statements says. Trestle then makes no key. If the same
      apply makes the key, write coalesce(aws_kms_key.NAME.arn): a plan has to know that the ARN is not null.
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
    What the API serves, by entity. Each attribute may be left out.
    acts_for: who may write the items of other owners, "group=NAME" or "scope=NAME".
    access: who may call, by operation, and "default" for the others: open, api_key, iam, cognito (whoever signed in), cognito:group=NAME,
      cognito:scope=NAME, or jwt, jwt:group=NAME and jwt:scope=NAME for tokens of the issuer that the variable jwt names.
    fields: who reads and who writes properties of the schema, for those that not everybody may: "group=NAME", "scope=NAME", "owner" or
      "nobody", such as { salary = { read = "group=hr", write = "group=hr" } }. Answers lack what the caller may not read, and a body with
      what the caller may not write is 403.
    filters: properties of the schema that lists can be filtered on, each with the property to sort by, createdAt by default.
    function: settings of the entity's functions. reserved_concurrency null leaves them to the account's pool.
    functions: "per_operation" keeps operations and their rights apart; "per_entity" has one function for all of them.
    hooks: your own Python inside operations, in the module app/CODE.py: before_create, before_update, before_delete and present. uses: the
      operations on entities that each hook may use, such as { before_create = { rooms = ["get"] } }.
    ids: "server" makes every id; "client" takes the id a body brings.
    list: "created" orders by createdAt, over an index; "unordered" needs no index.
    operations: any of create, delete, get, list, merge, replace; [] for an entity that only own code uses.
    owner: to whom items belong: "sub", the user or client that a token names as its subject, or "claim:NAME", what the token's claim NAME
      holds, such as a tenant. Callers see and change their own items alone; others' are 404. Every operation has to need cognito or jwt.
    path: where the collection lives, such as "todos" or "v1/todos", in one to four segments; "/" is the root of the API. The entity's
      name by default.
    put: "replace" takes whole items; "merge" takes partial ones.
    schema: a JSON Schema under schemas/. Any JSON object is an item without one.
    sees_all: who may read the items of all owners, "group=NAME" or "scope=NAME". With acts_for or sees_all requests may name an owner.
    ttl: a property that holds the time when an item expires, as a date-time or in seconds since 1970.
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
  description = "Names the environment: the suffix of every resource's name, and the API's stage."
  type        = string
  nullable    = false
}

variable "functions" {
  description = <<-EOT
    Functions of your own, by name, beside the operations of entities. A function has one kind: routes, changes, queue, schedule or event;
    without any of these it runs when you call it: `make run`. Each attribute may be left out.
    changes: runs after changes of entities, by entity: kind is "created", "updated", "deleted" or "expired", and becomes the values that
      properties have then and had not before, such as { orders = [{ kind = "updated", becomes = { status = "shipped" } }] }.
    code: the module in app/, and the function in it, which is handle: "notify:deliver" is deliver() in app/notify.py. The function's name
      with _ for - by default.
    egress: whether it calls anything outside of AWS. In a VPC it then needs a way out.
    event: runs on events of EventBridge: their source, types, and values of their detail, such as { "bucket.name" = ["pictures"] }.
    fields: "caller" reads and writes what the caller of a route may, where entities have fields; "any" every property.
    imports: whether changes include those that `make import` makes.
    owners: "caller" reaches the caller's items in entities with owners; "any" those of every owner.
    queue: runs for each job that functions send to it. attempts: how often a job is tried; backoff: the first and the longest wait between
      attempts, such as "10s-1h". Jobs that fail go to the dead-letter queue.
    routes: routes of the API, such as "POST /orders/{id}/pay". call: the function in the module. access: as for entities. accepts: media
      types of the body, JSON by default. body, query, answers (by status): JSON Schemas under schemas/. summary, description: for the
      OpenAPI document.
    schedule: runs at times, such as "rate(1 day)" or "cron(0 3 * * ? *)", in UTC.
    secrets: ARNs of secrets in Secrets Manager, by the name that the code calls them.
    sends: names of functions with a queue, to which it may send jobs.
    settings: environment variables.
    statements: what else it may do in AWS: lists of actions and resources.
    timeout: seconds; 29 for routes, else 60 by default.
    uses: the operations on entities that the code may use, such as { orders = ["get", "merge"] }. A function without it reaches no table.
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
    What the OpenAPI document says of the API's owner.
    contact: who answers questions about the API: name, email and url. By default the name is the API's.
    license: the name and the url of the licence to use the API. By default no licence is granted.
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
    The OpenID Connect issuer whose access tokens callers send, where access asks for jwt: Auth0, Okta, Entra, Keycloak or any other. A
    function verifies the tokens, and the gateway keeps its answer to each token for five minutes.
    audiences: what a token is for, as its claim aud has it; one of these has to be there.
    client_id: of the web console, which then signs users in at the issuer, by code and PKCE.
    client_scopes: what the console asks for, beside who the user is; null for the scopes that access names. Entra ID wants longer names
      than its tokens have.
    function: settings of the function that verifies tokens. reserved_concurrency null leaves it to the account's pool.
    groups_claim: the claim with the caller's groups, which jwt:group=NAME asks for.
    issuer: as the claim iss has it, to the letter. Its keys are found by ISSUER/.well-known/openid-configuration.
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
    The name of an existing bucket of this account and region that gets access logs, or null for none: of the website's and the audit
    trail's bucket below s3/BUCKET/, and of the website's distribution below cloudfront/ (website.access_log). The output policy_statements
    has what its policy needs. If the same apply makes the bucket, write coalesce(aws_s3_bucket.NAME.bucket): a plan has to know that the
    name is not null.
  EOT
  type        = string
  default     = null
}

variable "log_retention_days" {
  description = "How long every log group keeps its events, in days."
  type        = number
  default     = 365
  nullable    = false
}

variable "metrics" {
  description = <<-EOT
    Metrics of our own, by entity and operation: requests, latency, faults, validation failures, conflicts, throttles, replays and cold
    starts. CloudWatch reads them
    out of the log lines. Each costs 0.30 dollars a month, by the hours in which there is any: an operation in use has two, and others
    when they happen. Without
    them alarms and dashboard know what Lambda, API Gateway and DynamoDB count, which is not what a function answered by itself with 500
    or more.
  EOT
  type        = bool
  default     = true
  nullable    = false
}

variable "name" {
  description = "Names the system: the prefix of every resource's name."
  type        = string
  nullable    = false
}

variable "network" {
  description = <<-EOT
    The VPC the functions run in: one that Trestle makes, an existing one, or null for none.
    cidr: its addresses, from a /16 to a /20; 10.0.0.0/16 by default.
    endpoints: AWS services to reach by interface endpoints, such as "kms"; each costs about 7 dollars a month and zone.
      DynamoDB and S3 always have their gateway endpoints, which are free.
    nat: a way out to the internet: "none", "single" (about 33 dollars a month) or "per_az" (that for every zone).
    private_subnets, public_subnets: one block of addresses per zone; by default two of each, taken from cidr.
    vpc_id, subnet_ids: an existing VPC, and the subnets of it that the functions run in, in at least two zones. Trestle makes only security
      groups there; endpoints, routes and ways out are the owner's, and `make preflight` checks them. Both may come from the same apply.
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
    ARN of a policy that bounds what the roles made here may ever do, or null for none. CI's deploy role makes no role without the one that
    bootstrap/ prints.
  EOT
  type        = string
  default     = null
}

variable "private" {
  description = <<-EOT
    An API that answers only inside VPCs, or null for one on the internet. It costs nothing itself.
    vpc_endpoint_ids: the interface endpoints for execute-api through which it is called; API Gateway refuses all other calls. The output
      private_urls has the API's address for each.
  EOT
  type = object({
    vpc_endpoint_ids = set(string)
  })
  default = null
}

variable "region" {
  description = "The AWS region everything is in."
  type        = string
  default     = "us-west-2"
  nullable    = false
}

variable "release" {
  description = <<-EOT
    How `make release` ships new versions of the functions: to a part of the requests first, watched, then to all or to none.
    faults: as many answers of 5xx, crashes or timeouts of the new versions take them back. So do an alarm that goes off, and answers of
      4xx far more often than by the live versions.
    minutes: how long they are watched; most alarms wait for two periods of five minutes.
    percent: of the requests they answer meanwhile.
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
  description = "Up to 46 tags of every resource, besides Project, Environment and ManagedBy. Keys may not differ by case alone."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "throttle" {
  description = "What each method of the API takes before it answers 429: requests a second, and how many at once."
  type = object({
    burst_limit = optional(number, 2000)
    rate_limit  = optional(number, 1000)
  })
  default  = {}
  nullable = false
}

variable "usage_plans" {
  description = <<-EOT
    What the holders of API keys may ask for, by plan: requests a second, how many at once, and a quota for each DAY, WEEK or MONTH. Plans
    exist where an operation asks for a key, or api_keys names one.
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
    Who signs in, where access asks for cognito: a Cognito user pool is made, which is free for up to 10,000 users a month.
    app_scopes: those of scopes, and of the scopes in access, that whoever signs in may have.
    arn: a pool there is already; nothing is made but what asks it, and clients, groups and domain are its own. If the same apply makes the
      pool, write coalesce(aws_cognito_user_pool.NAME.arn): a plan has to know that the ARN is not null.
    callback_urls, logout_urls: where the app is that users sign in to over the pool's domain; by code and PKCE.
    domain_prefix: of https://PREFIX.auth.REGION.amazoncognito.com, where tokens are to be had. Without it users sign in with the SDK
      (SRP), and by
    NAME-ENVIRONMENT-ACCOUNT where there is a website.
    email: send mail through your Amazon SES instead of Cognito's own sender, which sends about 50 mails a day. from is the sender, such as
      "Notes <no-reply@example.com>"; source_arn the verified identity that it belongs to; reply_to and configuration_set are optional.
    groups: besides those that access and fields name.
    machine_client: a client without a user, which gets tokens with all scopes for its secret: 6 dollars a month, and 2.25 for 1,000 tokens.
    mfa: one-time passwords of an app are "OPTIONAL", "ON" (for everyone) or "OFF".
    password_minimum_length: besides, capitals, small letters, digits and symbols are asked for.
    scopes: descriptions by scope, besides those that access names.
    self_sign_up: whether anyone may become a user; else an administrator makes them.
    tokens: how long an access token is good, and how long it can be renewed without signing in again.
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
    Let API Gateway refuse bodies that do not match the schema: no function is invoked for them, and the answer does not say where the fault
    is.
  EOT
  type        = bool
  default     = false
  nullable    = false
}

variable "waf" {
  description = <<-EOT
    A web application firewall in front of the API, or null for none. It costs 8 dollars a month, one more with countries and with
    website, and 0.60 for a million requests. It limits
    each address, refuses inputs that are known to attack, and counts callers who hide behind VPNs and proxies.
    countries: who may call, by codes such as "DE"; empty for the whole world.
    rate_limit: requests that an address may send within five minutes.
  EOT
  type = object({
    countries  = optional(set(string), [])
    rate_limit = optional(number, 2000)
  })
  default = null
}

variable "website" {
  description = <<-EOT
    The web console: a page that manages the items and shows the API, on CloudFront, which sends /api to the API; or null for none. It
    costs nothing
    up to a terabyte and 10 million requests a month. Where users sign in, it makes them a page for that, too (user_pool.domain_prefix).
    access_log: whether log_bucket gets the distribution's access log, too. CloudFront writes it only into a bucket with ACLs enabled.
    aliases: names of your own instead of CloudFront's, the first of which website_url has; point them at website_domain.
    certificate_arn: the certificate for them, in us-east-1.
    price_class: "PriceClass_100" is served from North America and Europe, "PriceClass_200" from Asia and Africa as well, "PriceClass_All"
      from everywhere.
    web_acl_arn: a firewall of the scope CLOUDFRONT, which has to be in us-east-1. It is for the page; waf guards /api behind it as well.
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
