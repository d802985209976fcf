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
    error_message = "api_key_values: no such key: ${join(", ", setsubtract(nonsensitive(keys(var.api_key_values)), keys(local.api_keys)))}. Name keys of api_keys: ${join(", ", keys(local.api_keys))}."
  }
}

variable "api_keys" {
  description = "API keys by name, each with the usage plan it belongs to. Null: one key, \"default\", on the first plan, where an operation asks for a key."
  type        = map(string)
  default     = null

  validation {
    condition     = length(setsubtract(values(coalesce(var.api_keys, {})), keys(var.usage_plans))) == 0
    error_message = "api_keys: every key names a usage plan. Write one of ${join(", ", keys(var.usage_plans))}, or add the plan to usage_plans."
  }
}

variable "cors_origins" {
  description = "Origins whose scripts may call the API: [\"*\"], or origins such as \"https://app.example.com\". Cookies are never allowed: keys and tokens travel in headers."
  type        = list(string)
  default     = ["*"]
  nullable    = false

  validation {
    condition = (length(var.cors_origins) > 0 &&
      (var.cors_origins == tolist(["*"]) || alltrue([for o in var.cors_origins : can(regex("^https?://[A-Za-z0-9.-]+(:[0-9]+)?$", o))]))
    )
    error_message = "cors_origins: write [\"*\"] alone, or origins made of scheme, host and optional port, without a path or trailing slash: [\"https://app.example.com\"]."
  }

  validation {
    condition     = length(join(" ", var.cors_origins)) <= 2600
    error_message = "cors_origins: the functions have room for 2600 characters of origins, and API Gateway for no more. Write fewer, or [\"*\"]."
  }
}

variable "deletion_protection" {
  description = "Refuse to delete the tables, whoever asks. To destroy the environment, apply false first."
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
    error_message = "docs: write \"open\", \"api_key\" or \"none\"."
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
    error_message = "encryption: write a deletion_window_in_days of 7 to 30."
  }
}

variable "entities" {
  description = <<-EOT
    What the API serves, by entity. Each attribute may be left out.
    access: who may call, by operation, and "default" for the others: open, api_key or iam.
    filters: properties of the schema that lists can be filtered on, each with the property to sort by, createdAt by default.
    function: settings of the entity's functions. reserved_concurrency null leaves them to the account's pool.
    functions: "per_operation" keeps operations and their rights apart; "per_entity" has one function for all of them.
    ids: "server" makes every id; "client" takes the id a body brings.
    list: "created" orders by createdAt, over an index; "unordered" needs no index.
    operations: any of create, delete, get, list, merge, replace.
    path: where the collection lives, such as "todos" or "v1/todos"; "/" is the root of the API. The entity's name by default.
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
    functions  = optional(string, "per_operation")
    ids        = optional(string, "server")
    list       = optional(string, "created")
    operations = optional(set(string), ["create", "delete", "get", "list", "merge", "replace"])
    path       = optional(string)
    put        = optional(string, "replace")
    schema     = optional(string)
    ttl        = optional(string)
  }))
  nullable = false

  validation {
    condition     = length(var.entities) > 0 && alltrue([for name in keys(var.entities) : length(name) <= 31 && can(regex("^[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*$", name))])
    error_message = "entities: name at least one entity, each in up to 31 lower-case letters and digits, words joined by hyphens and begun by a letter: entities = { todos = {}, todo-lists = {} }. There are ${jsonencode(keys(var.entities))}."
  }

  validation {
    condition = alltrue([for e in values(var.entities) : length(e.operations) > 0 && length(setsubtract(e.operations, keys(local.operations))) == 0])
    error_message = join(" ", [for name, e in var.entities :
      "entities.${name}.operations: ${length(e.operations) == 0 ? "there is none" : "there is no ${join(", ", setsubtract(e.operations, keys(local.operations)))}"}. Write any of ${join(", ", keys(local.operations))}, or leave the attribute out for all of them."
      if length(e.operations) == 0 || length(setsubtract(e.operations, keys(local.operations))) > 0
    ])
  }

  validation {
    condition = alltrue(flatten([for e in values(var.entities) : [for operation, access in e.access :
      contains(concat(["default"], keys(local.operations)), operation) && contains(["api_key", "iam", "open"], access)
    ]]))
    error_message = join(" ", flatten([for name, e in var.entities : [for operation, access in e.access :
      contains(["api_key", "iam", "open"], access) ?
      "entities.${name}.access: there is no operation ${operation}. Write default or one of ${join(", ", keys(local.operations))}." :
      "entities.${name}.access.${operation}: nobody is \"${access}\". Write \"open\", \"api_key\" or \"iam\"."
      if !contains(concat(["default"], keys(local.operations)), operation) || !contains(["api_key", "iam", "open"], access)
    ]]))
  }

  validation {
    condition     = alltrue([for e in values(var.entities) : contains(["per_entity", "per_operation"], e.functions)])
    error_message = "entities: functions is \"per_operation\" or \"per_entity\"; it is ${join(", ", [for name, e in var.entities : "\"${e.functions}\" in ${name}"])}."
  }

  validation {
    condition     = alltrue([for e in values(var.entities) : contains(["client", "server"], e.ids)])
    error_message = "entities: ids is \"server\" or \"client\"; it is ${join(", ", [for name, e in var.entities : "\"${e.ids}\" in ${name}"])}."
  }

  validation {
    condition     = alltrue([for e in values(var.entities) : contains(["created", "unordered"], e.list)])
    error_message = "entities: list is \"created\" or \"unordered\"; it is ${join(", ", [for name, e in var.entities : "\"${e.list}\" in ${name}"])}."
  }

  validation {
    condition     = alltrue([for e in values(var.entities) : contains(["merge", "replace"], e.put)])
    error_message = "entities: put is \"replace\" or \"merge\"; it is ${join(", ", [for name, e in var.entities : "\"${e.put}\" in ${name}"])}."
  }

  validation {
    condition = alltrue([for e in values(var.entities) : e.path == null || e.path == "/" || (
      can(regex("^/?[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+){0,3}$", e.path)) && !contains(["/openapi.json", "openapi.json"], coalesce(e.path, "/"))
    )])
    error_message = "entities: path is one to four segments of letters, digits and . _ -, such as \"todos\" or \"v1/todos\"; \"/\" is the root of the API, and openapi.json its description. It is ${join(", ", [for name, e in var.entities : "\"${e.path}\" in ${name}" if e.path != null])}."
  }

  validation {
    condition = length(distinct([for name, e in var.entities : trim(coalesce(e.path, name), "/")])) == length(var.entities)
    error_message = join(" ", [for path, names in { for name, e in var.entities : trim(coalesce(e.path, name), "/") => name... } :
      "entities: ${join(" and ", names)} have the same path, \"${path}\". Give each a path of its own; it is the entity's name where none is written." if length(names) > 1
    ])
  }

  validation {
    condition = alltrue([for e in values(var.entities) : (
      contains(["DEBUG", "INFO", "WARNING", "ERROR"], e.function.log_level) &&
      e.function.memory_size >= 128 && e.function.memory_size <= 10240 &&
      e.function.timeout >= 1 && e.function.timeout <= 900 &&
      coalesce(e.function.reserved_concurrency, 0) >= 0
    )])
    error_message = "entities: function takes a log_level of DEBUG, INFO, WARNING or ERROR, a memory_size of 128 to 10240, a timeout of 1 to 900, and a reserved_concurrency of 0 (which stops the functions) or more. It is ${join("; ", [for name, e in var.entities : "${jsonencode(e.function)} in ${name}"])}."
  }

  validation {
    condition = alltrue(flatten([for name, e in var.entities : [
      for operation in e.operations : length("${var.name}-${name}-${e.functions == "per_entity" ? "entity" : operation}-${var.environment}") <= 64
    ]]))
    error_message = "entities: AWS ends function and role names at 64 characters, and ours are name-entity-operation-environment. Shorten one of ${join(", ", keys(var.entities))}, or name or environment."
  }

  validation {
    condition     = alltrue([for e in values(var.entities) : e.schema == null || can(regex("^schemas/[A-Za-z0-9_-]+\\.json$", e.schema))])
    error_message = "entities: schema names a file of schemas/, such as \"schemas/todo.json\"; it is ${join(", ", [for name, e in var.entities : "\"${e.schema}\" in ${name}" if e.schema != null])}."
  }

  validation {
    condition = alltrue(flatten([for e in values(var.entities) : [for filter in keys(e.filters) :
      can(regex("^[A-Za-z][A-Za-z0-9_]{0,62}$", filter)) && !contains(["cursor", "fields", "limit", "order"], filter)
    ]]))
    error_message = "entities: a filter is a property's name of up to 63 letters, digits and _, a letter first, other than cursor, fields, limit and order, which every list takes. There are ${join("; ", [for name, e in var.entities : "${join(", ", keys(e.filters))} in ${name}" if length(e.filters) > 0])}."
  }

  validation {
    condition     = alltrue([for e in values(var.entities) : length(e.filters) + (e.list == "created" ? 1 : 0) <= 20])
    error_message = "entities: DynamoDB gives a table 20 indexes, one of which orders the list. Write at most 19 filters, or 20 with list = \"unordered\". There are ${join(", ", [for name, e in var.entities : "${length(e.filters)} in ${name}"])}."
  }
}

variable "environment" {
  description = "Names the environment: the suffix of every resource's name, and the API's stage."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,18}[a-z0-9]$", var.environment))
    error_message = "environment: write 2 to 20 lower-case letters, digits and hyphens, a letter first, such as \"dev\"."
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
    error_message = "log_retention_days: CloudWatch knows 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 and 3653."
  }
}

variable "name" {
  description = "Names the system: the prefix of every resource's name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,18}[a-z0-9]$", var.name))
    error_message = "name: write 2 to 20 lower-case letters, digits and hyphens, a letter first, such as \"shop\"."
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
    condition     = try(cidrhost(var.network.cidr, 0) == split("/", var.network.cidr)[0] && contains(range(16, 21), tonumber(split("/", var.network.cidr)[1])), var.network == null)
    error_message = "network: cidr is an IPv4 network of /16 to /20 at its first address, such as \"10.0.0.0/16\"."
  }

  validation {
    condition     = try(contains(["none", "per_az", "single"], var.network.nat), var.network == null)
    error_message = "network: nat is \"none\", \"single\" or \"per_az\"."
  }

  validation {
    condition     = try(alltrue([for cidr in concat(coalesce(var.network.private_subnets, []), coalesce(var.network.public_subnets, [])) : can(cidrhost(cidr, 0))]), var.network == null)
    error_message = "network: private_subnets and public_subnets are lists of IPv4 networks within cidr, such as [\"10.0.2.0/24\", \"10.0.4.0/24\"]."
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
    error_message = "permissions_boundary: write a policy's ARN, arn:aws:iam::ACCOUNT:policy/NAME, such as `make bootstrap` prints, or leave it out."
  }
}

variable "region" {
  description = "The AWS region everything is in."
  type        = string
  default     = "us-west-2"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region: write a region's code, such as \"us-west-2\"."
  }
}

variable "tags" {
  description = "Tags of every resource, besides Project, Environment and ManagedBy."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setintersection(keys(var.tags), ["Project", "Environment", "ManagedBy"])) == 0
    error_message = "tags: Project, Environment and ManagedBy are set from name and environment. Leave them out."
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
    error_message = "throttle: write a rate_limit over 0 and a whole burst_limit over 0."
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
    condition     = length(var.usage_plans) > 0 && alltrue([for plan in values(var.usage_plans) : plan.rate_limit > 0 && plan.burst_limit > 0])
    error_message = "usage_plans: write at least one plan, with a rate_limit and a burst_limit over 0: { standard = { rate_limit = 50, burst_limit = 100 } }."
  }

  validation {
    condition     = alltrue([for plan in values(var.usage_plans) : try(plan.quota.limit > 0 && contains(["DAY", "WEEK", "MONTH"], plan.quota.period), plan.quota == null)])
    error_message = "usage_plans: a quota is { limit = 10000, period = \"DAY\" }, with a limit over 0 and a period of DAY, WEEK or MONTH."
  }
}

variable "validate_bodies_at_gateway" {
  description = "Let API Gateway refuse bodies that do not match the schema: no function is invoked for them, and the answer does not say where the fault is."
  type        = bool
  default     = false
  nullable    = false
}
