variable "alarms" {
  description = <<-EOT
    Alarms, or null for none: about 6.60 dollars a month for an entity of six operations, since each costs 0.10 for a metric it looks at, and 0.50 for each entity
    and for the API, which tells for all of them. They look at five minutes at a time. docs/operations.md says what to do about each. 0 leaves one out.
    api_4xx: requests that are refused, in each of two periods. This one tells for itself: what callers do may last, and hides nothing of what is ours.
    api_5xx: requests that the gateway or a function fails, in each of two periods.
    duration_percent: of the time that a request has, in each of two periods.
    emails: whom to write to. Each address has to agree, by the link in a first mail.
    error_rate_percent: of a function's requests that fail.
    errors: requests that fail in a function, in each of two periods.
    latency_p99_ms: what one request in a hundred takes or more, in each of two periods.
    requests: how many a period needs, for error_rate_percent and latency_p99_ms to mean anything.
    table_system_errors, table_throttles: requests that DynamoDB fails or throttles, in each of two periods.
    throttles: requests for which Lambda has no function free.
    topic_arn: a topic there is already, whose policy lets CloudWatch publish; else one is made, under the customer key.
  EOT
  type = object({
    api_4xx             = optional(number, 10)
    api_5xx             = optional(number, 5)
    duration_percent    = optional(number, 80)
    emails              = optional(set(string), [])
    error_rate_percent  = optional(number, 5)
    errors              = optional(number, 5)
    latency_p99_ms      = optional(number, 3000)
    requests            = optional(number, 20)
    table_system_errors = optional(number, 1)
    table_throttles     = optional(number, 1)
    throttles           = optional(number, 10)
    topic_arn           = optional(string)
  })
  default = null

  validation {
    condition = try(alltrue([for kind, threshold in var.alarms :
      threshold >= 0 && (!strcontains(kind, "percent") || threshold <= 100) && (kind != "requests" || threshold >= 1 && floor(threshold) == threshold)
      if !contains(["emails", "topic_arn"], kind)
    ]), var.alarms == null)
    error_message = "alarms: write thresholds of 0 (no such alarm) or more, percents of up to 100, and whole requests of 1 or more."
  }

  validation {
    condition     = try(anytrue([for kind, threshold in var.alarms : threshold > 0 if !contains(["emails", "requests", "topic_arn"], kind)]), var.alarms == null)
    error_message = "alarms: with all thresholds 0 there is none. Write alarms = null, or leave out those you want at their defaults."
  }

  validation {
    condition = try(alltrue([for address in var.alarms.emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", address))]), var.alarms == null)
    error_message = join(" ", [for address in try(var.alarms.emails, []) :
      "alarms.emails: ${try("\"${address}\"", "null")} is not an address. Write one such as \"on-call@example.com\"."
      if !can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", address))
    ])
  }

  validation {
    condition     = try(can(regex("^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+$", var.alarms.topic_arn)) && length(var.alarms.emails) == 0, false) || try(var.alarms.topic_arn, null) == null
    error_message = "alarms: topic_arn is a topic's, arn:aws:sns:REGION:ACCOUNT:NAME, and that topic knows whom it writes to: leave out emails, or topic_arn to have one made."
  }

  validation {
    condition     = var.alarms == null || try(var.alarms.topic_arn != null, false) || var.encryption.customer_key
    error_message = "alarms: CloudWatch cannot publish to a topic under a key of AWS's. Write encryption = { customer_key = true }, a topic_arn, or alarms = null."
  }

  validation {
    # The API's alarm takes a hundred, and two of them are the gateway's.
    condition     = var.alarms == null || length(var.entities) <= 98
    error_message = "alarms: CloudWatch puts a hundred alarms into one, which is enough for 98 entities. Write alarms = null, or make a second API of some of them."
  }
}

variable "api_key_values" {
  description = "Values for keys of api_keys, by key name. For local runs and tests; leave it empty in AWS, which then makes the values and keeps them out of the tfvars."
  type        = map(string)
  default     = {}
  nullable    = false
  sensitive   = true

  validation {
    condition     = alltrue([for value in values(var.api_key_values) : length(value) >= 20 && length(value) <= 128])
    error_message = "api_key_values: API Gateway wants 20 to 128 characters per value. Write a longer one, or leave the key out to have AWS make it."
  }

  validation {
    condition     = length(setsubtract(nonsensitive(keys(var.api_key_values)), keys(local.api_keys))) == 0
    error_message = "api_key_values: there is no key ${join(", ", [for key in setsubtract(nonsensitive(keys(var.api_key_values)), keys(local.api_keys)) : "\"${key}\""])}. Name keys of api_keys: ${join(", ", keys(local.api_keys))}."
  }
}

variable "api_keys" {
  description = "API keys by name, each with the usage plan it belongs to. Null: one key, \"default\", on the plan \"standard\" or the only one, where an operation asks for a key."
  type        = map(string)
  default     = null

  validation {
    condition = alltrue([for plan in values(coalesce(var.api_keys, {})) : try(contains(keys(var.usage_plans), plan), false)])
    error_message = join(" ", [for name, plan in coalesce(var.api_keys, {}) :
      "api_keys.${name}: there is no usage plan ${try("\"${plan}\"", "null")}. Write one of ${join(", ", keys(var.usage_plans))}, or add the plan to usage_plans."
      if !try(contains(keys(var.usage_plans), plan), false)
    ])
  }

  validation {
    condition = alltrue([for name in keys(coalesce(var.api_keys, {})) : can(regex(local.label_pattern, name))])
    error_message = join(" ", [for name in keys(coalesce(var.api_keys, {})) : join("", [
      "api_keys: \"${name}\" ",
      name == "" ? "is empty" :
      can(regex("[^A-Za-z0-9_.-]", name)) ? "contains ${lookup(local.characters, regex("[^A-Za-z0-9_.-]", name), "\"${regex("[^A-Za-z0-9_.-]", name)}\"")}" :
      "has ${length(name)} characters",
      ". Write up to 128 letters, digits and . _ -, such as \"partner\"."
    ]) if !can(regex(local.label_pattern, name))])
  }

  validation {
    condition     = try(length(var.api_keys) > 0, true) || !local.asks_a_key
    error_message = "api_keys: there is none, and api_key is asked for: nobody could call. Name a key, { partner = \"standard\" }, or leave api_keys out to have one made."
  }

  # A plan's place among others would decide, and change with them: whoever holds the key would find other limits.
  validation {
    condition     = var.api_keys != null || length(var.usage_plans) < 2 || contains(keys(var.usage_plans), "standard") || !local.asks_a_key
    error_message = "api_keys: nothing says which of the plans ${join(", ", keys(var.usage_plans))} the default key is on. Write api_keys = { default = \"${try(keys(var.usage_plans)[0], "standard")}\" }, or another of them."
  }
}

variable "audit" {
  description = <<-EOT
    Records of who read or changed which item, kept by CloudTrail in a bucket of their own; or null for none. They cost about 0.10 dollars for
    100,000 requests to the tables, and next to nothing to keep. An organisation's trail that has the tables' data events does as well.
    retention_years: how long they are kept, from 1 to 7.
  EOT
  type        = object({ retention_years = optional(number, 1) })
  default     = null

  validation {
    condition     = try(contains(range(1, 8), var.audit.retention_years), var.audit == null)
    error_message = "audit: retention_years is ${try(tostring(var.audit.retention_years), "null")}. Write a whole number of 1 to 7."
  }

  validation {
    condition     = var.audit == null || var.encryption.customer_key
    error_message = "audit: CloudTrail encrypts its records with a key of your own. Write encryption = { customer_key = true }, or audit = null."
  }

  # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-trail-naming-requirements.html
  validation {
    condition     = var.audit == null || !strcontains(local.trail, "--")
    error_message = "audit: the trail's name \"${local.trail}\" has two hyphens in a row, which CloudTrail refuses. Write name and environment without them, or audit = null."
  }
}

variable "backup" {
  description = <<-EOT
    Copies of the tables by AWS Backup, in a vault under the customer key; or null for none: point-in-time recovery, which every table has, goes back 35 days.
    Each GB of each copy costs about 0.10 dollars a month, and every copy is a whole one: 3.50 dollars for a table of 1 GB that is kept for 35 days.
    daily_days: how long each day's copy is kept, in days.
    monthly_days: how long that of each month's first day is kept, in days; null makes none.
  EOT
  type = object({
    daily_days   = optional(number, 35)
    monthly_days = optional(number)
  })
  default = null

  validation {
    condition     = try(var.backup.daily_days >= 1 && var.backup.daily_days <= 36500 && floor(var.backup.daily_days) == var.backup.daily_days, var.backup == null)
    error_message = "backup: daily_days is ${try(tostring(var.backup.daily_days), "null")}. Write a whole number of 1 to 36500."
  }

  validation {
    condition = try(
      var.backup.monthly_days > var.backup.daily_days && var.backup.monthly_days <= 36500 && floor(var.backup.monthly_days) == var.backup.monthly_days,
      try(var.backup.monthly_days, null) == null
    )
    error_message = "backup: monthly_days is ${jsonencode(try(var.backup.monthly_days, null))}. Write whole monthly_days of more than daily_days, up to 36500, or leave them out: what is kept for less is among the daily copies."
  }

  validation {
    condition     = var.backup == null || var.encryption.customer_key
    error_message = "backup: the vault is under a key of your own. Write encryption = { customer_key = true }, or backup = null."
  }
}

variable "cors_origins" {
  description = "Origins whose scripts may call the API: [\"*\"], or origins as browsers send them, such as \"https://app.example.com\": in lower case, with a port only if it is not the default, and without a path. Cookies are never allowed: keys and tokens travel in headers."
  type        = list(string)
  default     = ["*"]
  nullable    = false

  validation {
    condition     = length(var.cors_origins) > 0
    error_message = "cors_origins: there is none. Write [\"*\"], or origins such as [\"https://app.example.com\"]."
  }

  # Origins are compared as text, with what browsers send: https://url.spec.whatwg.org/#concept-url-serializer. Another form would match nobody.
  validation {
    condition = var.cors_origins == tolist(["*"]) || alltrue([for o in var.cors_origins : can(regex(local.origin_pattern, o)) && !can(regex(local.origin_default_port, o))])
    error_message = join(" ", [for o in var.cors_origins : join("", [
      "cors_origins: ${try("\"${o}\"", "null")} ",
      try(o == "", false) ? "is empty" :
      try(o == "*", false) ? "allows every origin and stands alone" :
      try(o == "null", true) ? "would allow everyone: any page can send it from a sandbox" :
      !can(regex("^(?i:https?)://", o)) ? "does not begin with https:// or http://" :
      strcontains(o, "*") ? "has a *, which matches no part of an origin" :
      strcontains(o, "@") ? "has a user, which browsers leave out" :
      can(regex("[?#]", o)) ? "has a query or a fragment, which browsers leave out" :
      can(regex("://[^/]*/$", o)) ? "ends in a slash, which browsers leave out" :
      can(regex("://[^/]*/", o)) ? "has a path, which browsers leave out" :
      strcontains(o, "[") ? "is an IPv6 address, which is not supported" :
      can(regex("[[:^ascii:]]", o)) ? "contains \"${regex("[[:^ascii:]]", o)}\", and browsers send such a host name in its xn-- form" :
      can(regex("[^!-~]", o)) ? "contains ${lookup(local.characters, regex("[^!-~]", o), "a control character")}" :
      can(regex("[A-Z]", o)) ? "contains ${local.characters[regex("[A-Z]", o)]}, which browsers send as a small letter" :
      can(regex(local.origin_default_port, o)) ? "has its scheme's own port, which browsers leave out" :
      can(regex("://[^:]*:", o)) && can(regex(local.origin_pattern, regex("^[^:]*://[^:]*", o))) ? "has no port of 1 to 65535, without leading zeros" :
      can(regex("://([^:]*[.])?(0x[0-9a-f]*|[0-9]+)(:|$)", o)) ? "has an IPv4 address that browsers write in another way" :
      "has a malformed host name",
      try(
        ". Write \"${regex(local.origin_pattern, replace(join("://", regex("^(https?)://(?:[^/?#@]*@)?([^/?#@]+)", lower(o))), "/^(http:.*):80$|^(https:.*):443$/", "$1$2"))}\".",
        ". Write an origin such as \"https://app.example.com\", or [\"*\"] alone."
      ),
    ]) if !can(regex(local.origin_pattern, o)) || can(regex(local.origin_default_port, o))])
  }

  validation {
    condition = length(distinct(var.cors_origins)) == length(var.cors_origins)
    error_message = join(" ", [for origin, all in { for o in var.cors_origins : try("\"${o}\"", "null") => o... } :
      "cors_origins: ${origin} is listed more than once. Leave one." if length(all) > 1
    ])
  }

  validation {
    condition     = try(length(join(" ", var.cors_origins)) <= 2600, true)
    error_message = "cors_origins: there are ${try(length(join(" ", var.cors_origins)), 0)} characters of origins, and functions have room for 2600. Write fewer, or [\"*\"]."
  }
}

variable "dashboard" {
  description = "A dashboard in CloudWatch: traffic, errors, latency and capacity by entity, and what is paid for. An account's first three are free, each other one is 3 dollars a month."
  type        = bool
  default     = true
  nullable    = false
}

variable "deletion_protection" {
  description = "Refuse to delete the tables, the user pool, the audit's records and the recovery points, whoever asks. To destroy the environment, apply false first."
  type        = bool
  default     = false
  nullable    = false
}

variable "docs" {
  description = "Who may read the API's OpenAPI document, at /openapi.json: open, api_key or none."
  type        = string
  default     = "open"
  nullable    = false

  validation {
    condition     = contains(["api_key", "none", "open"], var.docs)
    error_message = "docs: \"${var.docs}\" is not an access mode of the document. Write \"open\", \"api_key\" or \"none\"."
  }
}

variable "encryption" {
  description = "customer_key: encrypt tables, logs and function settings with a key of your own (one dollar a month), else with keys AWS owns. deletion_window_in_days: how long a destroyed key can still be recovered."
  type = object({
    customer_key            = optional(bool, true)
    deletion_window_in_days = optional(number, 30)
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(range(7, 31), var.encryption.deletion_window_in_days)
    error_message = "encryption: deletion_window_in_days is ${var.encryption.deletion_window_in_days}. Write a whole number of 7 to 30."
  }
}

variable "entities" {
  description = <<-EOT
    What the API serves, by entity. Each attribute may be left out.
    access: who may call, by operation, and "default" for the others: open, api_key, iam, cognito (whoever signed in), cognito:group=NAME
      or cognito:scope=NAME.
    filters: properties of the schema that lists can be filtered on, each with the property to sort by, createdAt by default.
    function: settings of the entity's functions. reserved_concurrency null leaves them to the account's pool.
    functions: "per_operation" keeps operations and their rights apart; "per_entity" has one function for all of them.
    ids: "server" makes every id; "client" takes the id a body brings.
    list: "created" orders by createdAt, over an index; "unordered" needs no index.
    operations: any of create, delete, get, list, merge, replace.
    owner_scoped: callers see and change their own items alone; others' are 404. Every operation has to need cognito.
    path: where the collection lives, such as "todos" or "v1/todos", in one to four segments; "/" is the root of the API. The entity's name by default.
    put: "replace" takes whole items; "merge" takes partial ones.
    schema: a JSON Schema under schemas/. Any JSON object is an item without one.
    ttl: a property that holds the time when an item expires, as a date-time or in seconds since 1970.
  EOT
  type = map(object({
    access  = optional(map(string), {})
    filters = optional(map(object({ sort = optional(string, "createdAt") })), {})
    function = optional(object({
      log_level            = optional(string, "INFO")
      memory_size          = optional(number, 256)
      reserved_concurrency = optional(number)
      snap_start           = optional(bool, false)
      timeout              = optional(number, 30)
    }), {})
    functions    = optional(string, "per_operation")
    ids          = optional(string, "server")
    list         = optional(string, "created")
    operations   = optional(set(string))
    owner_scoped = optional(bool, false)
    path         = optional(string)
    put          = optional(string, "replace")
    schema       = optional(string)
    ttl          = optional(string)
  }))
  nullable = false

  validation {
    condition     = length(var.entities) > 0
    error_message = "entities: there is none. Write at least one: entities = { todos = {} }."
  }

  validation {
    condition     = alltrue([for e in values(var.entities) : e != null])
    error_message = join(" ", [for name, e in var.entities : "entities.${name} is null. Write ${name} = {}, or remove it." if e == null])
  }

  validation {
    condition = alltrue([for name in keys(var.entities) : length(name) <= 31 && can(regex(local.entity_pattern, name))])
    error_message = join(" ", [for name in keys(var.entities) : join("", [
      "entities: \"${name}\" ",
      name == "" ? "is empty" :
      can(regex("[^a-z0-9-]", name)) ? "contains ${lookup(local.characters, regex("[^a-z0-9-]", name), "\"${regex("[^a-z0-9-]", name)}\"")}" :
      length(name) > 31 ? "has ${length(name)} characters" :
      can(regex("^-|-$|--", name)) ? "has a hyphen that joins no words" :
      "has a word that does not begin with a letter",
      ". Write up to 31 lower-case letters and digits, in words that begin with a letter and are joined by hyphens",
      # The same name in such words, if there is one.
      length(name) > 31 ? "." : try(", such as \"${regex(local.entity_pattern, trim(replace(lower(name), "/[^a-z0-9]+/", "-"), "-"))}\".", "."),
    ]) if length(name) > 31 || !can(regex(local.entity_pattern, name))])
  }

  validation {
    condition = alltrue([for e in values(var.entities) : length(coalesce(e.operations, local.all_operations)) > 0 && alltrue([for o in coalesce(e.operations, local.all_operations) : try(contains(local.all_operations, o), false)]) if e != null])
    error_message = join(" ", [for name, strangers in { for name, e in var.entities : name => [for o in coalesce(e.operations, local.all_operations) : try("\"${o}\"", "null") if !try(contains(local.all_operations, o), false)] if e != null } : join("", [
      "entities.${name}.operations: there is ${length(strangers) == 0 ? "none" : "no ${join(", ", strangers)}"}. ",
      "Write any of ${join(", ", keys(local.operations))}, or leave the attribute out for all of them."
    ]) if length(strangers) > 0 || length(coalesce(var.entities[name].operations, local.all_operations)) == 0])
  }

  validation {
    condition = alltrue(flatten([for e in values(var.entities) : [for operation, access in e.access :
      contains(concat(["default"], keys(local.operations)), operation) && can(regex(local.access_pattern, access))
    ] if e != null]))
    error_message = join(" ", flatten([for name, e in var.entities : [for operation, access in e.access :
      !contains(concat(["default"], keys(local.operations)), operation) ?
      "entities.${name}.access: there is no operation \"${operation}\". Write default or one of ${join(", ", keys(local.operations))}." :
      "entities.${name}.access.${operation}: ${try("\"${access}\"", "null")} is not an access mode. Write \"open\", \"api_key\", \"iam\", \"cognito\", \"cognito:group=NAME\" or \"cognito:scope=NAME\", where a name has letters, digits and . _ -, and another API's scope its identifier and / in front."
      if !contains(concat(["default"], keys(local.operations)), operation) || !can(regex(local.access_pattern, access))
    ] if e != null]))
  }

  validation {
    condition = alltrue(flatten([for name, e in var.entities : [
      for operation in setsubtract(keys(e.access), ["default"]) : contains(coalesce(e.operations, local.all_operations), operation) || !contains(keys(local.operations), operation)
    ] if e != null]))
    error_message = join(" ", flatten([for name, e in var.entities : [for operation in setsubtract(keys(e.access), ["default"]) :
      "entities.${name}.access.${operation}: the entity has no such operation. Add ${operation} to its operations, or leave its access out."
      if !contains(coalesce(e.operations, local.all_operations), operation) && contains(keys(local.operations), operation)
    ] if e != null]))
  }

  validation {
    condition = alltrue(flatten([for name, e in var.entities : [
      for operation in coalesce(e.operations, local.all_operations) : try(startswith(lookup(e.access, operation, lookup(e.access, "default", local.default_access)), "cognito"), true) if e.owner_scoped
    ] if e != null]))
    error_message = join(" ", [for name, others in { for name, e in var.entities : name => {
      for operation in coalesce(e.operations, local.all_operations) : lookup(e.access, operation, lookup(e.access, "default", local.default_access)) => operation...
      if e.owner_scoped && try(!startswith(lookup(e.access, operation, lookup(e.access, "default", local.default_access)), "cognito"), false)
      } if e != null } :
      "entities.${name}.access: no owner is named by ${join(" or ", [for access, operations in others : "\"${access}\" (${join(", ", operations)})"])}. Write \"cognito\" or another form of it, or owner_scoped = false."
      if length(others) > 0
    ])
  }

  validation {
    condition = alltrue([for e in values(var.entities) : !e.owner_scoped || e.list == "created" if e != null])
    error_message = join(" ", [for name, e in var.entities :
      "entities.${name}.list: owner_scoped needs list = \"created\", since pages of a Scan would pass over others' items, which are paid for. Write that, or owner_scoped = false."
      if try(e.owner_scoped && e.list != "created", false)
    ])
  }

  validation {
    condition = alltrue([for e in values(var.entities) : contains(["per_entity", "per_operation"], e.functions) if e != null])
    error_message = join(" ", [for name, e in var.entities :
      "entities.${name}.functions: \"${e.functions}\" is not a choice. Write \"per_operation\" or \"per_entity\"." if !try(contains(["per_entity", "per_operation"], e.functions), true)
    ])
  }

  validation {
    condition = alltrue([for e in values(var.entities) : contains(["client", "server"], e.ids) if e != null])
    error_message = join(" ", [for name, e in var.entities :
      "entities.${name}.ids: \"${e.ids}\" is not a choice. Write \"server\" or \"client\"." if !try(contains(["client", "server"], e.ids), true)
    ])
  }

  validation {
    condition = alltrue([for e in values(var.entities) : contains(["created", "unordered"], e.list) if e != null])
    error_message = join(" ", [for name, e in var.entities :
      "entities.${name}.list: \"${e.list}\" is not a choice. Write \"created\" or \"unordered\"." if !try(contains(["created", "unordered"], e.list), true)
    ])
  }

  validation {
    condition = alltrue([for e in values(var.entities) : contains(["merge", "replace"], e.put) if e != null])
    error_message = join(" ", [for name, e in var.entities :
      "entities.${name}.put: \"${e.put}\" is not a choice. Write \"replace\" or \"merge\"." if !try(contains(["merge", "replace"], e.put), true)
    ])
  }

  validation {
    # A name that is refused is not refused as a path as well.
    condition = alltrue([for name, e in var.entities :
      try(e.path == "/", false) || can(regex(local.path_pattern, try(coalesce(e.path), e.path == null ? name : ""))) && !can(regex(local.path_misfit, try(coalesce(e.path), name)))
      if try(e.path != null, false) || can(regex(local.entity_pattern, name))
    ])
    error_message = join(" ", [for name, path in { for name, e in var.entities : name => try(e.path == null, true) ? name : e.path } : join("", [
      "entities.${name}.path: \"${path}\" ",
      path == "" ? "is empty" :
      can(regex("[^A-Za-z0-9._/-]", path)) ? "contains ${lookup(local.characters, regex("[^A-Za-z0-9._/-]", path), "\"${regex("[^A-Za-z0-9._/-]", path)}\"")}" :
      can(regex("//|/$", path)) ? "has an empty segment" :
      can(regex("(^|/)[.][.]?(/|$)", path)) ? "has a segment \"${try(regex("(?:^|/)([.][.]?)(?:/|$)", path)[0], "")}\", which clients resolve before they send a request" :
      can(regex("^/?openapi[.]json$", path)) ? "is where the API's description is" :
      can(regex(local.path_misfit, path)) ? "is at /ping or /sping, where API Gateway answers for its own health" :
      "has ${length(split("/", trimprefix(path, "/")))} segments",
      ". Write one to four segments of letters, digits and . _ -, such as \"todos\" or \"v1/todos\"; \"/\" is the root of the API."
    ]) if path != "/" && (!can(regex(local.path_pattern, path)) || can(regex(local.path_misfit, path))) && (path != name || can(regex(local.entity_pattern, name)))])
  }

  validation {
    condition = length(distinct([for name, e in var.entities : trim(try(coalesce(e.path, name), name), "/")])) == length(var.entities)
    error_message = join(" ", [for path, names in { for name, e in var.entities : trim(try(coalesce(e.path, name), name), "/") => name... } :
      "entities: ${join(" and ", names)} have the same path, \"${path == "" ? "/" : path}\". Give each a path of its own; it is the entity's name where none is written." if length(names) > 1
    ])
  }

  validation {
    condition = alltrue([for e in values(var.entities) : contains(["DEBUG", "ERROR", "INFO", "WARNING"], e.function.log_level) if e != null])
    error_message = join(" ", [for name, e in var.entities :
      "entities.${name}.function.log_level: \"${e.function.log_level}\" is not a level. Write \"DEBUG\", \"INFO\", \"WARNING\" or \"ERROR\"."
      if !try(contains(["DEBUG", "ERROR", "INFO", "WARNING"], e.function.log_level), true)
    ])
  }

  validation {
    condition = alltrue(flatten([for e in values(var.entities) : [for attribute, bounds in local.function_bounds :
      try(e.function[attribute] == null, true) || try(e.function[attribute] >= bounds[0] && e.function[attribute] <= bounds[1] && floor(e.function[attribute]) == e.function[attribute], true)
    ]]))
    error_message = join(" ", flatten([for name, e in var.entities : [for attribute, bounds in local.function_bounds :
      "entities.${name}.function.${attribute} is ${e.function[attribute]}. Write a whole number of ${bounds[0]} to ${bounds[1]}."
      if !try(e.function[attribute] >= bounds[0] && e.function[attribute] <= bounds[1] && floor(e.function[attribute]) == e.function[attribute], true)
    ]]))
  }

  validation {
    condition = alltrue(flatten([for name, e in var.entities : [
      for operation in coalesce(e.operations, local.all_operations) : length("${var.name}-${name}-${e.functions == "per_entity" ? "entity" : operation}-${var.environment}") <= 64 if operation != null
    ] if e != null]))
    error_message = join(" ", flatten([for name, e in var.entities : [
      # The longest of an entity says it for all of them.
      for longest in slice(reverse(sort([for function in [for operation in coalesce(e.operations, local.all_operations) : "${var.name}-${name}-${e.functions == "per_entity" ? "entity" : operation}-${var.environment}" if operation != null] : format("%03d %s", length(function), function)])), 0, 1) :
      "entities.${name}: the name \"${substr(longest, 4, -1)}\" of a function has ${tonumber(substr(longest, 0, 3))} characters, ${tonumber(substr(longest, 0, 3)) - 64} more than AWS's 64. Shorten the entity's name, name or environment."
      if tonumber(substr(longest, 0, 3)) > 64
    ] if try(length(compact(coalesce(e.operations, local.all_operations))) > 0, false)]))
  }

  validation {
    condition = alltrue([for e in values(var.entities) : e.schema == null || can(regex("^schemas/[A-Za-z0-9_-]+\\.json$", e.schema)) if e != null])
    error_message = join(" ", [for name, e in var.entities :
      "entities.${name}.schema: \"${e.schema}\" is not a file of schemas/ whose name has letters, digits, _ and - alone. Write one such as \"schemas/todo.json\"."
      if try(e.schema != null && !can(regex("^schemas/[A-Za-z0-9_-]+\\.json$", e.schema)), false)
    ])
  }

  validation {
    condition = alltrue([for e in values(var.entities) : e.ttl != "" if e != null])
    error_message = join(" ", [for name, e in var.entities :
      "entities.${name}.ttl is empty. Write the name of a property that holds a time, or leave it out." if try(e.ttl == "", false)
    ])
  }

  # A filter is a parameter of the list: one name cannot mean two things.
  validation {
    condition = alltrue(flatten([for e in values(var.entities) : [for filter in keys(e.filters) :
      filter != "" && length(urlencode(filter)) <= 1024 && !contains(local.list_parameter_names, filter) &&
      !contains(flatten([for f in values(e.filters) : [for operator in local.bound_operators : "${f.sort}.${operator}"] if f != null]), filter)
    ] if e != null]))
    error_message = join(" ", flatten([for name, e in var.entities : [for filter in keys(e.filters) :
      contains(local.list_parameter_names, filter) ?
      "entities.${name}.filters.${filter}: every list has the parameters cursor, fields, limit and order. Give the property another name." :
      filter == "" ?
      "entities.${name}.filters: a parameter needs a name, and \"\" is none. Give the property a name, or leave the filter out." :
      length(urlencode(filter)) > 1024 ?
      "entities.${name}.filters: \"${substr(filter, 0, 40)}...\" takes ${length(urlencode(filter))} characters in a URL, and a filter's name may take 1024. Give the property a shorter name." :
      "entities.${name}.filters: \"${filter}\" is also the parameter that bounds lists sorted by \"${regex("^(?s:(.*))[.]", filter)[0]}\". Give one of the two properties another name, or leave the filter out."
      if filter == "" || length(urlencode(filter)) > 1024 || contains(local.list_parameter_names, filter) ||
      contains(flatten([for f in values(e.filters) : [for operator in local.bound_operators : "${f.sort}.${operator}"] if f != null]), filter)
    ] if e != null]))
  }

  validation {
    condition = alltrue(flatten([for e in values(var.entities) : [for filter in values(e.filters) : filter != null] if e != null]))
    error_message = join(" ", flatten([for name, e in var.entities : [for filter, f in e.filters :
      "entities.${name}.filters.${filter} is null. Write ${filter} = {}, or remove it." if f == null
    ] if e != null]))
  }

  validation {
    condition = alltrue([for e in values(var.entities) : length(e.filters) + (e.list == "created" ? 1 : 0) <= 20 if e != null])
    error_message = join(" ", [for name, e in var.entities :
      "entities.${name}.filters: there are ${length(e.filters)}, and DynamoDB gives a table 20 indexes, one of which orders the list. Write at most 19, or 20 with list = \"unordered\"."
      if try(length(e.filters) + (e.list == "created" ? 1 : 0) > 20, false)
    ])
  }
}

variable "environment" {
  description = "Names the environment: the suffix of every resource's name, and the API's stage."
  type        = string
  nullable    = false

  validation {
    condition = can(regex(local.name_pattern, var.environment)) && length(var.environment) <= 20
    error_message = join("", [
      "environment: \"${var.environment}\" ",
      var.environment == "" ? "is empty" :
      can(regex("[^a-z0-9-]", var.environment)) ? "contains ${lookup(local.characters, regex("[^a-z0-9-]", var.environment), "\"${regex("[^a-z0-9-]", var.environment)}\"")}" :
      !can(regex("^[a-z]", var.environment)) ? "does not begin with a letter" :
      endswith(var.environment, "-") ? "ends in a hyphen" :
      length(var.environment) == 1 ? "has one character" :
      "has ${length(var.environment)} characters",
      ". Write 2 to 20 lower-case letters, digits and hyphens, a letter first, such as \"dev\"."
    ])
  }
}

variable "info" {
  description = <<-EOT
    What the OpenAPI document says of the API's owner.
    contact: who answers questions about the API: name, email and url. By default the name is the API's.
    license: the name and the url of the licence to use the API. By default no licence is granted.
  EOT
  type = object({
    contact = optional(object({ name = optional(string), email = optional(string), url = optional(string) }), {})
    license = optional(object({ name = string, url = string }), { name = "No licence granted", url = "https://choosealicense.com/no-permission/" })
  })
  default  = {}
  nullable = false

  validation {
    condition = alltrue([for text in [try(var.info.contact.name, null), try(var.info.license.name, null)] : try(trimspace(text) != "", true)])
    error_message = join(" ", [for place, text in { "contact.name" = try(var.info.contact.name, null), "license.name" = try(var.info.license.name, null) } :
      "info.${place} is empty. Write a name, or leave ${split(".", place)[0]} out." if !try(trimspace(text) != "", true)
    ])
  }

  validation {
    condition = alltrue([for url in [try(var.info.contact.url, null), try(var.info.license.url, null)] : url == null || can(regex(local.url_pattern, url))])
    error_message = join(" ", [for place, url in { "contact.url" = try(var.info.contact.url, null), "license.url" = try(var.info.license.url, null) } : join("", [
      "info.${place}: ${jsonencode(url)} ",
      url == "" ? "is empty" :
      can(regex("\\s", url)) ? "contains a space" :
      "does not begin with https:// or http:// and a host",
      ". Write a URL such as \"https://example.com/terms\"."
    ]) if !(url == null || can(regex(local.url_pattern, url)))])
  }

  validation {
    condition     = try(var.info.contact.email, null) == null || can(regex("^[^@\\s]+@[^@\\s]+$", var.info.contact.email))
    error_message = "info.contact.email: ${jsonencode(try(var.info.contact.email, null))} is not an address. Write one such as \"api@example.com\"."
  }
}

variable "log_retention_days" {
  description = "How long every log group keeps its events, in days."
  type        = number
  default     = 365
  nullable    = false

  validation {
    condition = contains(
      [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days
    )
    error_message = "log_retention_days: CloudWatch does not keep logs for ${var.log_retention_days} days. Write 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "metrics" {
  description = <<-EOT
    Metrics of our own, by entity and operation: requests, latency, faults, validation failures, conflicts, throttles, replays and cold starts. CloudWatch reads them
    out of the log lines. Each costs 0.30 dollars a month, by the hours in which there is any: an operation in use has two, and others when they happen. Without
    them alarms and dashboard know what Lambda, API Gateway and DynamoDB count, which is not what a function answered by itself with 500 or more.
  EOT
  type        = bool
  default     = true
  nullable    = false
}

variable "name" {
  description = "Names the system: the prefix of every resource's name."
  type        = string
  nullable    = false

  validation {
    condition = can(regex(local.name_pattern, var.name)) && length(var.name) <= 20 && !can(regex(local.name_misfit, var.name))
    error_message = join("", [
      "name: \"${var.name}\" ",
      var.name == "" ? "is empty" :
      can(regex("[^a-z0-9-]", var.name)) ? "contains ${lookup(local.characters, regex("[^a-z0-9-]", var.name), "\"${regex("[^a-z0-9-]", var.name)}\"")}" :
      !can(regex("^[a-z]", var.name)) ? "does not begin with a letter" :
      endswith(var.name, "-") ? "ends in a hyphen" :
      length(var.name) == 1 ? "has one character" :
      length(var.name) > 20 ? "has ${length(var.name)} characters" :
      "begins with \"${try(regex(local.name_misfit, var.name), "")}\", which AWS does not take in names of buckets or security groups",
      ". Write 2 to 20 lower-case letters, digits and hyphens, a letter first, such as \"shop\"."
    ])
  }
}

variable "network" {
  description = <<-EOT
    The VPC the functions run in, or null for none.
    cidr: its addresses, from a /16 to a /20.
    endpoints: AWS services to reach by interface endpoints, such as "kms"; each costs about 7 dollars a month and zone.
      DynamoDB and S3 always have their gateway endpoints, which are free.
    nat: a way out to the internet: "none", "single" (about 33 dollars a month) or "per_az" (that for every zone).
    private_subnets, public_subnets: one block of addresses per zone; by default two of each, taken from cidr.
  EOT
  type = object({
    cidr            = optional(string, "10.0.0.0/16")
    endpoints       = optional(set(string), [])
    nat             = optional(string, "none")
    private_subnets = optional(list(string))
    public_subnets  = optional(list(string))
  })
  default = {}

  validation {
    condition = try(
      can(cidrnetmask(var.network.cidr)) && cidrhost(var.network.cidr, 0) == split("/", var.network.cidr)[0] && contains(range(16, 21), tonumber(split("/", var.network.cidr)[1])) && !can(regex(local.cidr_misfit, var.network.cidr)),
      var.network == null
    )
    error_message = join("", [
      "network: ${try("\"${var.network.cidr}\"", "null")} ",
      !can(cidrnetmask(var.network.cidr)) ? "is not an IPv4 network" :
      can(regex(local.cidr_misfit, var.network.cidr)) ? "is of a range that a VPC cannot have" :
      try(cidrhost(var.network.cidr, 0), "") != split("/", try(var.network.cidr, "/"))[0] ? "does not begin at its first address, ${try(cidrhost(var.network.cidr, 0), "")}" :
      "is not of /16 to /20",
      ". Write a cidr such as \"10.0.0.0/16\"."
    ])
  }

  validation {
    condition     = try(contains(["none", "per_az", "single"], var.network.nat), var.network == null)
    error_message = "network: nat is ${try("\"${var.network.nat}\"", "null")}. Write \"none\", \"single\" or \"per_az\"."
  }

  validation {
    condition = alltrue([for cidr in try(concat(coalesce(var.network.private_subnets, []), coalesce(var.network.public_subnets, [])), []) :
      try(can(cidrnetmask(cidr)) && cidrhost(cidr, 0) == split("/", cidr)[0] && contains(range(16, 29), tonumber(split("/", cidr)[1])), false)
    ])
    error_message = join(" ", [for cidr in try(concat(coalesce(var.network.private_subnets, []), coalesce(var.network.public_subnets, [])), []) :
      "network: ${try("\"${cidr}\"", "null")} is not an IPv4 network of /16 to /28 at its first address. Write subnets such as \"10.0.2.0/24\"."
      if !try(can(cidrnetmask(cidr)) && cidrhost(cidr, 0) == split("/", cidr)[0] && contains(range(16, 29), tonumber(split("/", cidr)[1])), false)
    ])
  }

  validation {
    condition = alltrue([for cidr in try(concat(coalesce(var.network.private_subnets, []), coalesce(var.network.public_subnets, [])), []) :
      try(cidrhost(join("/", [split("/", cidr)[0], split("/", var.network.cidr)[1]]), 0) == split("/", var.network.cidr)[0] && split("/", cidr)[1] >= split("/", var.network.cidr)[1], true)
    ])
    error_message = join(" ", [for cidr in try(concat(coalesce(var.network.private_subnets, []), coalesce(var.network.public_subnets, [])), []) :
      "network: the subnet \"${cidr}\" is not within the VPC's cidr, \"${var.network.cidr}\". Write one that is."
      if !try(cidrhost(join("/", [split("/", cidr)[0], split("/", var.network.cidr)[1]]), 0) == split("/", var.network.cidr)[0] && split("/", cidr)[1] >= split("/", var.network.cidr)[1], true)
    ])
  }

  # Two networks overlap if they are one when both are as long as the shorter prefix.
  validation {
    condition = alltrue(flatten([for subnets in [try(concat(coalesce(var.network.private_subnets, []), coalesce(var.network.public_subnets, [])), [])] : [for i, a in subnets : [for j, b in subnets :
      !try(length(distinct([for cidr in [a, b] : cidrhost(join("/", [split("/", cidr)[0], min([for each in [a, b] : tonumber(split("/", each)[1])]...)]), 0)])) == 1, false) if i < j
    ]]]))
    error_message = join(" ", distinct(flatten([for subnets in [try(concat(coalesce(var.network.private_subnets, []), coalesce(var.network.public_subnets, [])), [])] : [for i, a in subnets : [for j, b in subnets :
      "network: the subnets \"${a}\" and \"${b}\" overlap. Give each addresses of its own."
      if i < j && try(length(distinct([for cidr in [a, b] : cidrhost(join("/", [split("/", cidr)[0], min([for each in [a, b] : tonumber(split("/", each)[1])]...)]), 0)])) == 1, false)
    ]]])))
  }

  validation {
    condition = try(
      length(var.network.private_subnets) == length(var.network.public_subnets) && length(var.network.private_subnets) > 0,
      var.network.private_subnets == null && var.network.public_subnets == null,
      var.network == null
    )
    error_message = "network: write both private_subnets and public_subnets, one of each per zone, or neither: a NAT gateway in a zone's public subnet serves the private one."
  }

  validation {
    condition = try(alltrue([for service in var.network.endpoints : can(regex(local.service_pattern, service))]), var.network == null)
    error_message = join(" ", [for service in try(var.network.endpoints, []) :
      "network.endpoints: ${try("\"${service}\"", "null")} is not the name of an AWS service. Write names such as \"kms\" or \"ecr.api\"."
      if !can(regex(local.service_pattern, service))
    ])
  }

  validation {
    condition     = try(length(setintersection(var.network.endpoints, ["dynamodb", "s3"])) == 0, var.network == null)
    error_message = "network: DynamoDB and S3 have gateway endpoints already, which cost nothing. Leave them out of endpoints."
  }
}

variable "permissions_boundary" {
  description = "ARN of a policy that bounds what the roles made here may ever do, or null for none. CI's deploy role makes no role without the one that bootstrap/ prints."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary == null || can(regex("^arn:[a-z-]+:iam::([0-9]{12}|aws):policy/[A-Za-z0-9+=,.@_/-]+$", var.permissions_boundary))
    error_message = "permissions_boundary: ${try("\"${var.permissions_boundary}\"", "null")} is not the ARN of a policy. Write arn:aws:iam::ACCOUNT:policy/NAME, such as `make bootstrap` prints, or leave it out."
  }
}

variable "project" {
  description = "The folder of your project, which holds schemas/, dist/ and environments/: path.root where the calling configuration is in it."
  type        = string
  nullable    = false
}

variable "region" {
  description = "The AWS region everything is in."
  type        = string
  default     = "us-west-2"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region: \"${var.region}\" ${can(regex("^[a-z]{2}(-[a-z]+)+-[0-9][a-z]$", var.region)) ? "is an availability zone" : "is not a region's code"}. Write a region such as \"${try(regex("^[a-z]{2}(?:-[a-z]+)+-[0-9]", var.region), "us-west-2")}\"."
  }
}

# Terraform does nothing with it: tools/aws/release.py asks for it.
variable "release" {
  description = <<-EOT
    How `make release` ships new versions of the functions: to a part of the requests first, watched, then to all or to none.
    faults: as many answers of 5xx, crashes or timeouts of the new versions take them back. So do an alarm that goes off, and answers of 4xx far more often than by the live versions.
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

  validation {
    condition     = var.release.percent >= 1 && var.release.percent <= 100 && floor(var.release.percent) == var.release.percent
    error_message = "release: percent is ${var.release.percent}. Write a whole number of 1 to 100."
  }

  validation {
    condition     = var.release.minutes >= 0 && var.release.minutes <= 1440 && var.release.faults >= 1 && floor(var.release.faults) == var.release.faults
    error_message = "release: minutes is ${var.release.minutes} and faults is ${var.release.faults}. Write minutes of 0 to 1440, and whole faults of 1 or more."
  }
}

variable "tags" {
  description = "Up to 46 tags of every resource, besides Project, Environment and ManagedBy. Keys may not differ by case alone."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition = length(setintersection([for key in keys(var.tags) : lower(key)], ["environment", "managedby", "project"])) == 0
    error_message = join(" ", [for key in keys(var.tags) :
      "tags: \"${key}\" is one of Project, Environment and ManagedBy, which are set from name and environment; IAM does not tell upper and lower case apart. Leave it out."
      if contains(["environment", "managedby", "project"], lower(key))
    ])
  }

  validation {
    condition = length(distinct([for key in keys(var.tags) : lower(key)])) == length(var.tags)
    error_message = join(" ", [for keys in values({ for key in keys(var.tags) : lower(key) => key... }) :
      "tags: ${join(" and ", [for key in keys : "\"${key}\""])} differ by case alone, which IAM refuses. Leave one." if length(keys) > 1
    ])
  }

  # What every service takes: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html
  validation {
    condition = alltrue([for key in keys(var.tags) : can(regex("^[${local.tag_characters}]{1,128}$", key)) && !startswith(lower(key), "aws:")])
    error_message = join(" ", [for key in keys(var.tags) : join("", [
      "tags: the key \"${key}\" ",
      key == "" ? "is empty" :
      startswith(lower(key), "aws:") ? "begins with aws:, which is AWS's own" :
      can(regex("[^${local.tag_characters}]", key)) ? "contains ${lookup(local.characters, regex("[^${local.tag_characters}]", key), regex("[^${local.tag_characters}]", key))}" :
      "has ${length(key)} characters",
      ". Write up to 128 letters, digits, spaces and _ . : / = + - @."
    ]) if !can(regex("^[${local.tag_characters}]{1,128}$", key)) || startswith(lower(key), "aws:")])
  }

  validation {
    condition = alltrue([for value in values(var.tags) : can(regex("^[${local.tag_characters}]{0,256}$", value))])
    error_message = join(" ", [for key, value in var.tags : join("", [
      "tags.${key}: the value ",
      value == null ? "is null" :
      can(regex("[^${local.tag_characters}]", value)) ? "contains ${lookup(local.characters, regex("[^${local.tag_characters}]", value), regex("[^${local.tag_characters}]", value))}" :
      "has ${length(value)} characters",
      ". Write up to 256 letters, digits, spaces and _ . : / = + - @."
    ]) if !can(regex("^[${local.tag_characters}]{0,256}$", value))])
  }

  validation {
    # Project, Environment and ManagedBy, and in a VPC Name.
    condition     = length(var.tags) <= 46
    error_message = "tags: there are ${length(var.tags)}. AWS takes 50 of a resource, and four are set beside yours: write at most 46."
  }
}

variable "throttle" {
  description = "What each method of the API takes before it answers 429: requests a second, and how many at once."
  type = object({
    burst_limit = optional(number, 2000)
    rate_limit  = optional(number, 1000)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.throttle.rate_limit > 0 && var.throttle.burst_limit > 0 && floor(var.throttle.burst_limit) == var.throttle.burst_limit
    error_message = "throttle: write a rate_limit over 0 and a whole burst_limit over 0; they are ${var.throttle.rate_limit} and ${var.throttle.burst_limit}."
  }
}

variable "usage_plans" {
  description = "What the holders of API keys may ask for, by plan: requests a second, how many at once, and a quota for each DAY, WEEK or MONTH. Plans exist where an operation asks for a key, or api_keys names one."
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
    error_message = length(var.usage_plans) == 0 ? "usage_plans: there is none. Write at least one: { standard = { rate_limit = 50, burst_limit = 100 } }." : join(" ", [for name, plan in var.usage_plans :
      "usage_plans.${name} has no rate_limit over 0 and whole burst_limit over 0. Write ${name} = { rate_limit = 50, burst_limit = 100 }."
      if !try(plan.rate_limit > 0 && plan.burst_limit > 0 && floor(plan.burst_limit) == plan.burst_limit, false)
    ])
  }

  validation {
    condition = alltrue([for name in keys(var.usage_plans) : can(regex(local.label_pattern, name))])
    error_message = join(" ", [for name in keys(var.usage_plans) : join("", [
      "usage_plans: \"${name}\" ",
      name == "" ? "is empty" :
      can(regex("[^A-Za-z0-9_.-]", name)) ? "contains ${lookup(local.characters, regex("[^A-Za-z0-9_.-]", name), "\"${regex("[^A-Za-z0-9_.-]", name)}\"")}" :
      "has ${length(name)} characters",
      ". Write up to 128 letters, digits and . _ -, such as \"standard\"."
    ]) if !can(regex(local.label_pattern, name))])
  }

  validation {
    condition = alltrue([for plan in values(var.usage_plans) :
      try(plan.quota.limit > 0 && floor(plan.quota.limit) == plan.quota.limit && contains(["DAY", "WEEK", "MONTH"], plan.quota.period), try(plan.quota, null) == null)
    ])
    error_message = "usage_plans: a quota is { limit = 10000, period = \"DAY\" }, with a whole limit over 0 and a period of DAY, WEEK or MONTH."
  }
}

variable "user_pool" {
  description = <<-EOT
    Who signs in, where access asks for cognito: a Cognito user pool is made, which is free for up to 10,000 users a month.
    app_scopes: those of scopes, and of the scopes in access, that whoever signs in may have.
    arn: a pool there is already; nothing is made but what asks it, and clients, groups and domain are its own.
    callback_urls, logout_urls: where the app is that users sign in to over the pool's domain; by code and PKCE.
    domain_prefix: of https://PREFIX.auth.REGION.amazoncognito.com, where tokens are to be had. Without it users sign in with the SDK (SRP), and by
    NAME-ENVIRONMENT-ACCOUNT where there is a website.
    groups: besides those that access names.
    machine_client: a client without a user, which gets tokens with all scopes for its secret: 6 dollars a month, and 2.25 for 1,000 tokens.
    mfa: one-time passwords of an app are "OPTIONAL", "ON" (for everyone) or "OFF".
    password_minimum_length: besides, capitals, small letters, digits and symbols are asked for.
    scopes: descriptions by scope, besides those that access names.
    self_sign_up: whether anyone may become a user; else an administrator makes them.
    tokens: how long an access token is good, and how long it can be renewed without signing in again.
  EOT
  type = object({
    app_scopes              = optional(set(string), [])
    arn                     = optional(string)
    callback_urls           = optional(set(string), [])
    domain_prefix           = optional(string)
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
    condition     = var.user_pool.arn == null || can(regex("^arn:[a-z-]+:cognito-idp:[a-z0-9-]+:[0-9]{12}:userpool/[a-z0-9-]+_[A-Za-z0-9]+$", var.user_pool.arn))
    error_message = "user_pool: arn is a pool's, arn:aws:cognito-idp:REGION:ACCOUNT:userpool/ID. Write that, or leave it out to have a pool made."
  }

  # Dropped in silence, mfa = "ON" would be believed.
  validation {
    condition = local.signed_in && var.user_pool.arn == null || (
      (local.signed_in || var.user_pool.arn == null && length(var.user_pool.scopes) == 0) &&
      var.user_pool.domain_prefix == null && !var.user_pool.machine_client && var.user_pool.mfa == "OPTIONAL" && var.user_pool.password_minimum_length == 12 &&
      !var.user_pool.self_sign_up && var.user_pool.tokens.access_minutes == 60 && var.user_pool.tokens.refresh_days == 30 &&
      length(setunion(var.user_pool.app_scopes, var.user_pool.callback_urls, var.user_pool.groups, var.user_pool.logout_urls)) == 0
    )
    error_message = (local.signed_in ?
      "user_pool: a pool there is already keeps its own clients, groups, domain and rules. Beside arn, write scopes alone." :
      "user_pool: no operation asks for cognito, so there is none. Write access = { default = \"cognito\" } for an entity, or leave user_pool out."
    )
  }

  # An app's own scheme is its domain turned round, as RFC 8252, 7.1, has it: no other app's, and none that a browser runs, as it does javascript:.
  validation {
    condition = alltrue([for url in setunion(var.user_pool.callback_urls, var.user_pool.logout_urls) :
      can(regex(try(startswith(url, "http://"), false) ? "^http://localhost([:/][^#]*)?$" : "^(https|[a-z][a-z0-9+-]*(\\.[a-z0-9+-]+)+)://[^#]+$", url))
    ])
    error_message = join(" ", [for url in setunion(var.user_pool.callback_urls, var.user_pool.logout_urls) : join("", [
      "user_pool: the URL ${try("\"${url}\"", "null")} ",
      can(regex("#", url)) ? "has a #, which Cognito refuses" : can(regex("^http://", url)) ? "is in the clear" : "has none of the schemes that callback_urls and logout_urls may have",
      ". Write one that begins with https://, http://localhost or an app's own scheme, such as com.example.app://, and has no #: \"https://app.example.com/signed-in\"."
    ]) if !can(regex(try(startswith(url, "http://"), false) ? "^http://localhost([:/][^#]*)?$" : "^(https|[a-z][a-z0-9+-]*(\\.[a-z0-9+-]+)+)://[^#]+$", url))])
  }

  validation {
    condition     = length(var.user_pool.callback_urls) <= 100 && length(var.user_pool.logout_urls) <= 100
    error_message = "user_pool: there are ${length(var.user_pool.callback_urls)} callback_urls and ${length(var.user_pool.logout_urls)} logout_urls, and Cognito takes 100 of each. Write fewer."
  }

  validation {
    condition = var.user_pool.domain_prefix == null || can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.user_pool.domain_prefix)) && !can(regex("aws|amazon|cognito", var.user_pool.domain_prefix))
    error_message = join("", [
      "user_pool: the domain_prefix ${try("\"${var.user_pool.domain_prefix}\"", "null")} ",
      try(var.user_pool.domain_prefix == "", false) ? "is empty" :
      can(regex("[^a-z0-9-]", var.user_pool.domain_prefix)) ? "contains ${lookup(local.characters, regex("[^a-z0-9-]", var.user_pool.domain_prefix), "\"${regex("[^a-z0-9-]", var.user_pool.domain_prefix)}\"")}" :
      can(regex("aws|amazon|cognito", var.user_pool.domain_prefix)) ? "contains ${try(regex("aws|amazon|cognito", var.user_pool.domain_prefix), "")}, which is AWS's own" :
      can(regex("^-|-$", var.user_pool.domain_prefix)) ? "begins or ends with a hyphen" :
      "has ${try(length(var.user_pool.domain_prefix), 0)} characters",
      ". Write up to 63 lower-case letters, digits and hyphens that no other pool of the region has, such as \"notes-example\"."
    ])
  }

  validation {
    condition     = var.website == null || !local.signed_in || var.user_pool.arn != null || var.user_pool.domain_prefix != null || !can(regex("aws|amazon|cognito", local.identifier))
    error_message = "user_pool: the website's users cannot sign in at a domain called after ${local.identifier}, since Cognito refuses the words aws, amazon and cognito. Write a domain_prefix without them."
  }

  validation {
    condition     = var.user_pool.domain_prefix != null || var.website != null || length(var.user_pool.callback_urls) == 0 && length(var.user_pool.logout_urls) == 0 && !var.user_pool.machine_client
    error_message = "user_pool: callback_urls, logout_urls and machine_client need a domain to get tokens from. Write a domain_prefix, too."
  }

  validation {
    condition     = length(var.user_pool.logout_urls) == 0 || length(var.user_pool.callback_urls) > 0
    error_message = "user_pool: logout_urls are for those who signed in by callback_urls. Write these, too."
  }

  validation {
    condition = alltrue([for group in var.user_pool.groups : can(regex(local.label_pattern, group))])
    error_message = join(" ", [for group in [for group in var.user_pool.groups : group == null ? "" : group] : join("", [
      "user_pool.groups: \"${group}\" ",
      group == "" ? "is empty" :
      can(regex("[^A-Za-z0-9_.-]", group)) ? "contains ${lookup(local.characters, regex("[^A-Za-z0-9_.-]", group), "\"${regex("[^A-Za-z0-9_.-]", group)}\"")}" :
      "has ${length(group)} characters",
      ". Write up to 128 letters, digits and . _ -, such as \"admins\"."
    ]) if !can(regex(local.label_pattern, group))])
  }

  validation {
    condition = alltrue([for scope in keys(var.user_pool.scopes) : can(regex(local.label_pattern, scope))])
    error_message = join(" ", [for scope in keys(var.user_pool.scopes) : join("", [
      "user_pool.scopes: \"${scope}\" ",
      scope == "" ? "is empty" :
      can(regex("[^A-Za-z0-9_.-]", scope)) ? "contains ${lookup(local.characters, regex("[^A-Za-z0-9_.-]", scope), "\"${regex("[^A-Za-z0-9_.-]", scope)}\"")}" :
      "has ${length(scope)} characters",
      ". Write up to 128 letters, digits and . _ -, such as \"import\"."
    ]) if !can(regex(local.label_pattern, scope))])
  }

  validation {
    condition = alltrue([for description in values(var.user_pool.scopes) : try(trimspace(description) != "" && length(description) <= 256, false)])
    error_message = join(" ", [for scope, description in var.user_pool.scopes :
      "user_pool.scopes.${scope}: the description ${try(length(description) > 256, false) ? "has ${length(description)} characters" : "is empty"}. Write 1 to 256 characters, such as { ${scope} = \"Brings items in\" }."
      if !try(trimspace(description) != "" && length(description) <= 256, false)
    ])
  }

  validation {
    condition     = length(setunion(keys(var.user_pool.scopes), local.access_scopes)) <= 100
    error_message = "user_pool: there are ${length(setunion(keys(var.user_pool.scopes), local.access_scopes))} scopes with those that access names, and Cognito takes 100. Write fewer."
  }

  validation {
    # A client may have 50, and an app has email, openid and profile as well.
    condition     = length(var.user_pool.app_scopes) <= 47 && (!var.user_pool.machine_client || length(setunion(keys(var.user_pool.scopes), local.access_scopes)) <= 50)
    error_message = "user_pool: Cognito gives a client 50 scopes. Write at most 47 app_scopes (there are ${length(var.user_pool.app_scopes)}), and at most 50 scopes beside a machine_client (there are ${length(setunion(keys(var.user_pool.scopes), local.access_scopes))})."
  }

  validation {
    condition     = length(setsubtract(var.user_pool.app_scopes, concat(keys(var.user_pool.scopes), local.access_scopes))) == 0
    error_message = "user_pool: app_scopes has ${join(", ", [for scope in setsubtract(var.user_pool.app_scopes, concat(keys(var.user_pool.scopes), local.access_scopes)) : try("\"${scope}\"", "null")])}, which is no scope of this API. Write it into scopes, too: { NAME = \"what it is for\" }."
  }

  validation {
    condition     = !var.user_pool.machine_client || length(var.user_pool.scopes) + length(local.access_scopes) > 0
    error_message = "user_pool: a machine_client gets a token for a scope, and there is none. Write scopes = { NAME = \"what it is for\" }, or access = { OPERATION = \"cognito:scope=NAME\" }."
  }

  validation {
    condition     = contains(["OFF", "ON", "OPTIONAL"], var.user_pool.mfa)
    error_message = "user_pool: mfa is \"${var.user_pool.mfa}\". Write \"OFF\", \"ON\" or \"OPTIONAL\"."
  }

  validation {
    condition     = contains(range(8, 100), var.user_pool.password_minimum_length)
    error_message = "user_pool: password_minimum_length is ${var.user_pool.password_minimum_length}. Write a whole number of 8 to 99."
  }

  validation {
    condition = (
      var.user_pool.tokens.access_minutes >= 5 && var.user_pool.tokens.access_minutes <= 1440 && var.user_pool.tokens.refresh_days >= 1 &&
      var.user_pool.tokens.refresh_days <= 3650 && alltrue([for n in values(var.user_pool.tokens) : floor(n) == n])
    )
    error_message = "user_pool: tokens takes whole access_minutes of 5 to 1440 and refresh_days of 1 to 3650."
  }

  validation {
    condition     = var.user_pool.tokens.access_minutes < var.user_pool.tokens.refresh_days * 24 * 60
    error_message = "user_pool: a refresh token has to outlast the access tokens that it renews. Write tokens with fewer access_minutes than refresh_days * 1440."
  }
}

variable "validate_bodies_at_gateway" {
  description = "Let API Gateway refuse bodies that do not match the schema: no function is invoked for them, and the answer does not say where the fault is."
  type        = bool
  default     = false
  nullable    = false
}

variable "waf" {
  description = <<-EOT
    A web application firewall in front of the API, or null for none. It costs 8 dollars a month, one more with countries and with website, and 0.60 for a million requests. It limits
    each address, refuses inputs that are known to attack, and counts callers who hide behind VPNs and proxies.
    countries: who may call, by codes such as "DE"; empty for the whole world.
    rate_limit: requests that an address may send within five minutes.
  EOT
  type = object({
    countries  = optional(set(string), [])
    rate_limit = optional(number, 2000)
  })
  default = null

  validation {
    condition     = try(length(setsubtract(var.waf.countries, local.countries)) == 0, var.waf == null)
    error_message = "waf: there is no country ${join(", ", [for code in try(setsubtract(var.waf.countries, local.countries), []) : try("\"${code}\"", "null")])}. Write codes of two capitals, as ISO 3166 has them, such as [\"DE\", \"FR\"]."
  }

  validation {
    condition     = try(var.waf.rate_limit >= 10 && var.waf.rate_limit <= 2000000000 && floor(var.waf.rate_limit) == var.waf.rate_limit, var.waf == null)
    error_message = "waf: rate_limit is ${try(tostring(var.waf.rate_limit), "null")}. Write a whole number of 10 to 2000000000 requests in five minutes."
  }
}

variable "website" {
  description = <<-EOT
    The web console: a page that manages the items and shows the API, on CloudFront, which sends /api to the API; or null for none. It costs nothing
    up to a terabyte and 10 million requests a month. Where users sign in, it makes them a page for that, too (user_pool.domain_prefix).
    aliases: names of your own instead of CloudFront's, the first of which website_url has; point them at website_domain.
    certificate_arn: the certificate for them, in us-east-1.
    price_class: "PriceClass_100" is served from North America and Europe, "PriceClass_200" from Asia and Africa as well, "PriceClass_All" from everywhere.
    web_acl_arn: a firewall of the scope CLOUDFRONT, which has to be in us-east-1. It is for the page; waf guards /api behind it as well.
  EOT
  type = object({
    aliases         = optional(list(string), [])
    certificate_arn = optional(string)
    price_class     = optional(string, "PriceClass_100")
    web_acl_arn     = optional(string)
  })
  default = null

  validation {
    condition     = var.website == null || var.docs != "none"
    error_message = "website: the page is made from the API's OpenAPI document, which docs = \"none\" keeps from it. Write docs = \"open\" or \"api_key\", or website = null."
  }

  validation {
    condition     = try((length(var.website.aliases) == 0) == (var.website.certificate_arn == null), var.website == null)
    error_message = "website: names of your own need a certificate, and a certificate is for these. Write both aliases and certificate_arn, or neither."
  }

  validation {
    condition = try(alltrue([for name in var.website.aliases : can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}$", name))]), var.website == null)
    error_message = join(" ", [for name in try(var.website.aliases, []) :
      "website: the alias ${try("\"${name}\"", "null")} is not a whole name in lower-case letters. Write one without https://, such as \"console.example.com\"."
      if !can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}$", name))
    ])
  }

  validation {
    condition = try(length(distinct(var.website.aliases)) == length(var.website.aliases), var.website == null)
    error_message = join(" ", [for alias, all in { for name in try(var.website.aliases, []) : try("\"${name}\"", "null") => name... } :
      "website: the alias ${alias} is listed more than once. Leave one." if length(all) > 1
    ])
  }

  validation {
    condition     = try(var.website.certificate_arn == null || can(regex("^arn:[a-z-]+:acm:us-east-1:[0-9]{12}:certificate/[a-f0-9-]+$", var.website.certificate_arn)), var.website == null)
    error_message = "website: CloudFront takes certificates of ACM in us-east-1 alone, whatever the region is. Write certificate_arn as arn:aws:acm:us-east-1:ACCOUNT:certificate/ID."
  }

  validation {
    condition     = try(contains(["PriceClass_100", "PriceClass_200", "PriceClass_All"], var.website.price_class), var.website == null)
    error_message = "website: price_class is ${try("\"${var.website.price_class}\"", "null")}. Write \"PriceClass_100\", \"PriceClass_200\" or \"PriceClass_All\"."
  }

  validation {
    condition     = try(var.website.web_acl_arn == null || can(regex("^arn:[a-z-]+:wafv2:us-east-1:[0-9]{12}:global/webacl/[^/]+/[a-f0-9-]+$", var.website.web_acl_arn)), var.website == null)
    error_message = "website: CloudFront takes web ACLs of the scope CLOUDFRONT alone. Write web_acl_arn as arn:aws:wafv2:us-east-1:ACCOUNT:global/webacl/NAME/ID."
  }
}
