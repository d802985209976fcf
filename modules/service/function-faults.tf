# Faults in your own functions, one sentence each, with which terraform_data.build stops the plan.
# Faults of single functions come first: everything else is derived from the functions without such
# a fault.
locals {
  route_methods  = ["GET", "POST", "PUT", "PATCH", "DELETE"]
  route_segment  = "(?:[A-Za-z0-9._-]+|{[A-Za-z_][A-Za-z0-9_]{0,39}})"
  route_pattern  = "^(?:${join("|", local.route_methods)}) /(?:${local.route_segment}(?:/${local.route_segment}){0,4})?$"
  function_kinds = ["changes", "event", "queue", "routes", "schedule"]

  # The kinds that each function has.
  kinds_of = { for name, f in var.functions : name => [for kind in local.function_kinds :
    kind if try(f[kind] != null, false)
  ] }

  # The days of each month in a leap year.
  month_days = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

  change_kinds = { created = ["create"], deleted = ["delete"], expired = [], updated = ["merge", "replace"] }
  log_levels   = ["DEBUG", "INFO", "WARNING", "ERROR"]
  # The minimum and maximum of functions' numbers.
  own_function_bounds = { for name, kinds in local.kinds_of : name => merge(local.function_bounds, {
    timeout = [1, contains(kinds, "routes") ? 29 : 900]
  }) }

  # Names that settings cannot have: Trestle's environment variables, and those that Lambda or
  # Python read.
  own_variables = [
    "CHECK_ANSWERS", "CORS_ORIGINS", "DYNAMODB_CLIENT", "ENTITIES", "ENTITY", "ENTITY_OPTIONS", "ENVIRONMENT", "FUNCTION", "LOG_LEVEL",
    "METRICS_NAMESPACE", "TABLE_NAME",
  ]
  reserved_variables = "^(?:AWS_|LAMBDA_|LD_|PYTHON|_)|^PATH$"

  # The fields of EventBridge Scheduler's cron: the pattern of a value, and the other forms that a
  # field may have.
  # https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#cron-based
  cron_fields = [
    { name = "minutes", value = "[0-5]?[0-9]", other = [], allowed = "0 to 59" },
    { name = "hours", value = "(?:[01]?[0-9]|2[0-3])", other = [], allowed = "0 to 23" },
    {
      name    = "the day of the month"
      value   = "(?:0?[1-9]|[12][0-9]|3[01])"
      other   = ["[?]", "L", "LW", "(?:0?[1-9]|[12][0-9]|3[01])W"]
      allowed = "1 to 31, L or ?"
    },
    {
      name    = "the month"
      value   = "(?:0?[1-9]|1[0-2]|JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)"
      other   = []
      allowed = "1 to 12 or JAN to DEC"
    },
    {
      name    = "the day of the week"
      value   = "(?:[1-7]|SUN|MON|TUE|WED|THU|FRI|SAT)"
      other   = ["[?]", "L", "(?:[1-7]|SUN|MON|TUE|WED|THU|FRI|SAT)(?:L|#[1-5])"]
      allowed = "1 to 7 (1 is Sunday), SUN to SAT, L or ?"
    },
    { name = "the year", value = "(?:19[7-9][0-9]|2[01][0-9]{2})", other = [], allowed = "1970 to 2199" },
  ]
  cron_patterns = [for field in local.cron_fields : join("", [
    "(?i)^(?:(?:[*]|${field.value}(?:-${field.value})?)(?:/[1-9][0-9]*)?",
    "(?:,${field.value}(?:-${field.value})?(?:/[1-9][0-9]*)?)*${join("", [for other in field.other : "|${other}"])})$",
  ])]
  # The fields of each function's cron().
  crons = { for name, f in var.functions : name => split(" ", regex("^cron[(](.*)[)]$", f.schedule)[0])
    if can(regex("^cron[(](.*)[)]$", f.schedule))
  }

  # Routes as written, with the place that messages name.
  written_routes = flatten([for name, f in var.functions : [for route in try(keys(f.routes), []) : {
    function = name
    method   = split(" ", route)[0]
    # Without the names of parameters: routes that differ only in these are the same.
    path     = replace(try(split(" ", route)[1], ""), "/{[^}]*}/", "{}")
    place    = "functions.${name}.routes[\"${route}\"]"
    route    = route
    segments = split("/", trimprefix(try(split(" ", route)[1], ""), "/"))
  }]])

  function_shape_faults = { for name, f in var.functions : name => flatten([
    length(name) <= 31 && can(regex(local.entity_pattern, name)) ? [] : [join("", [
      "functions: \"${name}\" ",
      name == "" ? "is empty" :
      can(regex("[^a-z0-9-]", name)) ?
      "contains ${lookup(local.character_names, regex("[^a-z0-9-]", name), "\"${regex("[^a-z0-9-]", name)}\"")}" :
      length(name) > 31 ? "has ${length(name)} characters" :
      can(regex("^-|-$|--", name)) ? "has a hyphen at its start or end, or two in a row" : "has a word that does not begin with a letter",
      ". Write up to 31 lower-case letters and digits, in words that begin with a letter and are joined by hyphens.",
    ])],

    length(local.kinds_of[name]) <= 1 ? [] : [join(" ", [
      "functions.${name} has ${join(" and ", local.kinds_of[name])}, but a function may have only one of them. Keep one, and write another",
      "function for the rest.",
    ])],
    [for kind in ["changes", "routes"] : "functions.${name}.${kind} is empty. Write at least one, or leave ${kind} out."
      if try(length(f[kind]) == 0, false)
    ],

    f.code == null || can(regex("^[a-z_][a-z0-9_]{0,39}(?::[A-Za-z_][A-Za-z0-9_]*)?$", f.code)) ? [] : [join(" ", [
      "functions.${name}.code: \"${f.code}\" is not a module in app/, or a module and a function. Write, for example, \"notify\" for",
      "app/notify.py, or \"notify:deliver\" for deliver() in it.",
    ])],
    f.routes != null && can(regex(":", f.code)) ? [join(" ", [
      "functions.${name}.code: \"${f.code}\" names a function, but each route names its own in call. Write code =",
      "\"${split(":", f.code)[0]}\".",
    ])] : [],

    [for r in local.written_routes : can(regex(local.route_pattern, r.route)) ? [] : [join("", [
      "${r.place}: ",
      !can(regex("^\\S+ /\\S*$", r.route)) ?
      "the key is not a method and a path. Write one such as \"POST /orders/{id}/pay\"." :
      !contains(local.route_methods, r.method) ?
      "\"${r.method}\" is not a method that routes support. Write ${join(", ", slice(local.route_methods, 0, 4))} or DELETE." :
      length(r.segments) > 5 ?
      "the path has ${length(r.segments)} segments. Write at most five." :
      join(" ", [
        "the segment \"${[for s in r.segments : s if !can(regex("^${local.route_segment}$", s))][0]}\" of the path is",
        "${contains(r.segments, "") ? "empty" : "neither plain text nor a parameter"}. Write letters, digits and . _ -, or a parameter",
        "such as {id}.",
      ]),
    ])] if r.function == name],
    compact([for r in local.written_routes : join(" ", concat(
      [for s in r.segments :
        "${r.place}: clients resolve the segment \"${s}\" before they send a request. Write another path." if contains([".", ".."], s)
      ],
      [for s in [join("/", r.segments)] :
        "${r.place}: the OpenAPI document is at /${s}. Write another path." if s == local.contract.platform.document
      ],
      [for s in [r.segments[0]] :
        "${r.place}: API Gateway uses /${s} for its own health checks. Write another path." if contains(["ping", "sping"], s)
      ],
      [for s in distinct(r.segments) : "${r.place} has the parameter ${s} twice. Give one of them another name."
        if startswith(s, "{") && length([for other in r.segments : other if other == s]) > 1
      ],
    )) if r.function == name]),

    [for route, r in(f.routes == null ? {} : f.routes) : r == null ?
      ["functions.${name}.routes[\"${route}\"] is null. Write one such as { call = \"pay\" }, or remove the route."] :
      flatten([for place in ["functions.${name}.routes[\"${route}\"]"] : [
        can(regex("^[A-Za-z_][A-Za-z0-9_]*$", r.call)) ? [] : [
          "${place}.call: ${try("\"${r.call}\"", "null")} is not the name of a Python function. Write one such as \"pay\"."
        ],
        r.access == null || can(regex(local.access_pattern, r.access)) ? [] : [join(" ", [
          "${place}.access: \"${r.access}\" is not an access mode.",
          local.access_advice[startswith(r.access, "jwt") ? "jwt" : "others"],
        ])],
        [for attribute, schema in merge(
          { for attribute in ["body", "query"] : attribute => r[attribute] if r[attribute] != null },
          { for status, schema in r.answers : "answers[\"${status}\"]" => schema },
          ) : join(" ", [
            "${place}.${attribute}: ${try("\"${schema}\"", "null")} is not a valid path. Write schemas/NAME.json with letters,",
            "digits, _ and - in NAME, such as \"schemas/payment.json\".",
          ])
          if !can(regex("^schemas/[A-Za-z0-9_-]+\\.json$", schema))
        ],
        [for status in keys(r.answers) : contains(["204", "205", "304"], status) ?
          "${place}.answers: a response with ${status} has no body, so it has no schema. Leave it out." :
          "${place}.answers: \"${status}\" is not the status of a response. Write one from 200 to 599, such as \"200\"."
          if !can(regex("^[2-5][0-9]{2}$", status)) || contains(["204", "205", "304"], status)
        ],
        [for attribute in ["accepts", "body"] :
          "${place}.${attribute}: a ${split(" ", route)[0]} has no body. Leave ${attribute} out, or write a POST, PUT or PATCH."
          if contains(["DELETE", "GET"], split(" ", route)[0]) && try(length(r[attribute]) > 0, r[attribute] != null)
        ],
        [for type in r.accepts : join(" ", [
          "${place}.accepts: ${try("\"${type}\"", "null")} is not a media type. Write one such as \"application/json\", in lower case and",
          "without parameters.",
        ]) if !can(regex("^(?:[*]/[*]|[a-z0-9][a-z0-9!#$&^_.+-]*/(?:[*]|[a-z0-9][a-z0-9!#$&^_.+-]*))$", type))],
        [for type in r.accepts : join(" ", [
          "${place}.accepts: the JSON Schema ${r.body} cannot validate a body of the type ${type}. Leave ${type} out, or leave body out",
          "and validate request.raw in the code.",
        ]) if r.body != null && try(length(regexall("/json$|[+]json$", type)) == 0, false)],
        [for attribute in ["description", "summary"] :
          "${place}.${attribute} is empty. Write a sentence, or leave it out." if try(trimspace(r[attribute]) == "", false)
        ],
      ]])
    ],

    [for entity, operations in f.uses : try(length(operations) > 0, false) ?
      [for o in operations : join(" ", [
        "functions.${name}.uses.${entity}: there is no operation ${try("\"${o}\"", "null")}. Write any of",
        "${join(", ", keys(local.operations))}.",
      ]) if !try(contains(local.all_operations, o), false)] :
      ["functions.${name}.uses.${entity} is empty. Write any of ${join(", ", keys(local.operations))}, or leave ${entity} out."]
    ],
    [for entity in keys(f.uses) :
      "functions.${name}.uses: there is no entity \"${entity}\". Write one of ${join(", ", keys(var.entities))}."
      if !contains(keys(var.entities), entity)
    ],
    contains(["any", "caller"], f.fields) ? [] : [
      "functions.${name}.fields: \"${f.fields}\" is not a valid value. Write \"caller\" or \"any\"."
    ],
    f.fields != "any" || f.routes != null ? [] : [join(" ", [
      "functions.${name}.fields: no caller sends requests to a function without routes, so it reads and writes every property. Leave",
      "fields out.",
    ])],
    contains(["any", "caller"], f.owners) ? [] : [
      "functions.${name}.owners: \"${f.owners}\" is not a valid value. Write \"caller\" or \"any\"."
    ],

    [for secret, arn in f.secrets : [
      can(regex("^[A-Za-z_][A-Za-z0-9_-]{0,63}$", secret)) ? [] : [join(" ", [
        "functions.${name}.secrets: a secret cannot have the name \"${secret}\". Write up to 64 letters, digits, _ and -, beginning with",
        "a letter, such as \"stripe\".",
      ])],
      can(regex("^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+$", arn)) ? [] : [join(" ", [
        "functions.${name}.secrets.${secret} is not the ARN of a secret. Write one such as",
        "\"arn:aws:secretsmanager:${var.region}:123456789012:secret:NAME-AbCdEf\", never the secret itself.",
      ])],
    ]],

    [for setting, value in f.settings : [
      contains(local.own_variables, setting) ?
      ["functions.${name}.settings.${setting}: Trestle sets this variable. Write another name."] :
      can(regex(local.reserved_variables, setting)) ?
      ["functions.${name}.settings.${setting}: Lambda or Python reads this variable. Write another name."] :
      can(regex("^[A-Z][A-Z0-9_]{0,63}$", setting)) ? [] : [join(" ", [
        "functions.${name}.settings: \"${setting}\" is not the name of a setting. Write up to 64 capital letters, digits and _, beginning",
        "with a letter, such as \"CURRENCY\".",
      ])],
      value != null ? [] : ["functions.${name}.settings.${setting} is null. Write a string, or leave it out."],
    ]],

    length(distinct(f.statements)) == length(f.statements) ? [] : [
      "functions.${name}.statements: two statements are the same. Remove one."
    ],
    [for n, s in f.statements : s == null ? ["functions.${name}.statements[${n}] is null. Remove it."] : flatten([
      [for attribute in ["actions", "resources"] :
        "functions.${name}.statements[${n}].${attribute} is empty. Write at least one, or remove the statement."
        if length(s[attribute]) == 0
      ],
      [for action in s.actions : can(regex("^[*]$|:[*]$", action)) ?
        join(" ", [
          "functions.${name}.statements[${n}].actions: \"${action}\" allows ${action == "*" ? "everything" : "every action of a service"}.",
          "Write the actions that the code calls, such as \"ses:SendEmail\".",
        ]) :
        "functions.${name}.statements[${n}].actions: ${try("\"${action}\"", "null")} is not an action. Write one such as \"ses:SendEmail\"."
        if !can(regex("^[a-z0-9-]+:[A-Za-z0-9][A-Za-z0-9*?]*$", action))
      ],
      [for action in s.actions :
        "functions.${name}.statements[${n}].actions: ${action} could change ${local.closed_services[split(":", action)[0]]}. Leave it out."
        if can(local.closed_services[split(":", action)[0]])
      ],
      [for resource in s.resources : join(" ", [
        "functions.${name}.statements[${n}].resources: ${try("\"${resource}\"", "null")} is not an ARN. Write one such as",
        "\"arn:aws:sns:${var.region}:123456789012:TOPIC\", or \"*\" for actions that do not apply to single resources.",
      ]) if !can(regex("^(?:[*]|arn:[^:]+:[a-z0-9*-]+:[^:]*:[^:]*:.+)$", resource))],
    ])],

    [for attribute, bounds in local.own_function_bounds[name] : join("", [
      "functions.${name}.${attribute} is ${f[attribute]}. Write a whole number from ${bounds[0]} to ${bounds[1]}",
      attribute == "timeout" && bounds[1] == 29 ? ": API Gateway waits for 29 seconds." : ".",
      ]) if f[attribute] != null && !try(
      f[attribute] >= bounds[0] && f[attribute] <= bounds[1] && floor(f[attribute]) == f[attribute], true
    )],
    contains(local.log_levels, f.log_level) ? [] : [
      "functions.${name}.log_level: \"${f.log_level}\" is not a level. Write \"DEBUG\", \"INFO\", \"WARNING\" or \"ERROR\"."
    ],

    [for queue in f.queue[*] : [
      queue.attempts >= 1 && queue.attempts <= 1000 && floor(queue.attempts) == queue.attempts ? [] : [
        "functions.${name}.queue.attempts is ${queue.attempts}. Write a whole number from 1 to 1000."
      ],
      !can(regex("^[1-9][0-9]{0,8}[smh]-[1-9][0-9]{0,8}[smh]$", queue.backoff)) ?
      [join(" ", [
        "functions.${name}.queue.backoff: \"${queue.backoff}\" does not have two times. Write the first and the longest wait in s, m or h,",
        "such as \"10s-1h\".",
      ])] :
      [for waits in [[for part in split("-", queue.backoff) :
        tonumber(regex("^[0-9]+", part)) * local.duration_units[regex("[smh]$", part)]
        ]] : waits[0] > waits[1] ?
        "functions.${name}.queue.backoff: the first wait of \"${queue.backoff}\" exceeds the longest. Write one such as \"10s-1h\"." :
        "functions.${name}.queue.backoff: SQS waits for at most 12 hours, not \"${queue.backoff}\". Write one such as \"1m-12h\"."
        if waits[0] > waits[1] || waits[1] > 43200
      ],
    ]],

    [for schedule in f.schedule[*] : can(local.crons[name]) ?
      (
        length(local.crons[name]) != 6 ?
        [join(" ", [
          "functions.${name}.schedule: \"${schedule}\" has ${length(local.crons[name])} fields, but cron has six: minutes, hours, day of",
          "the month, month, day of the week and year. Write, for example, \"cron(0 3 * * ? *)\".",
        ])] :
        concat(
          [for n, field in local.crons[name] : join(" ", [
            "functions.${name}.schedule: \"${field}\" in \"${schedule}\" is not valid for ${local.cron_fields[n].name}. Write",
            "${local.cron_fields[n].allowed}, lists with commas, ranges with -, steps with / or * for all.",
          ]) if !can(regex(local.cron_patterns[n], field))],
          [for days in [length([for field in [local.crons[name][2], local.crons[name][4]] : field if field == "?"])] : join(" ", [
            "functions.${name}.schedule: \"${schedule}\" gives ${days == 2 ? "neither" : "both"} the day of the month",
            "${days == 2 ? "nor" : "and"} the day of the week. Write ? for one of the two, such as \"cron(0 3 * * ? *)\".",
          ]) if days != 1],
          # A schedule whose months all lack the day never runs. Only days and months as numbers are
          # checked.
          [for longest in [
            try(max([for month in split(",", local.crons[name][3]) : local.month_days[tonumber(month) - 1]]...), 31)
            ] : join(" ", [
              "functions.${name}.schedule: no month of \"${schedule}\" has a day ${local.crons[name][2]}. Write at most ${longest}, or L",
              "for the last day of the month.",
          ]) if try(min([for day in split(",", local.crons[name][2]) : tonumber(day)]...) > longest, false)],
        )
      ) :
      can(regex("^rate[(][1-9][0-9]{0,8} (?:minute|hour|day)s?[)]$", schedule)) ? [] : [join(" ", [
        "functions.${name}.schedule: \"${schedule}\" is not a schedule. Write rate(NUMBER UNIT), with minutes, hours or days, such as",
        "\"rate(1 day)\", or cron(...) with six fields, such as \"cron(0 3 * * ? *)\" for 03:00 UTC every day.",
      ])]
    ],

    [for event in f.event[*] : [
      can(regex("^[A-Za-z0-9._/#-]{1,256}$", event.source)) ? [] : [
        "functions.${name}.event.source: \"${event.source}\" is not an event source. Write one such as \"aws.s3\" or \"com.example\"."
      ],
      can(regex("^(?:arn:[a-z-]+:events:[a-z0-9-]+:[0-9]{12}:event-bus/)?[A-Za-z0-9._/-]{1,256}$", event.bus)) ? [] : [
        "functions.${name}.event.bus: \"${event.bus}\" is not the name or the ARN of an event bus. Write one such as \"default\"."
      ],
      [for type in event.types :
        "functions.${name}.event.types: a type is empty. Write one such as \"Object Created\", or leave types out." if try(type == "", true)
      ],
      [for path, values in event.detail : can(regex("^[^.]+(?:[.][^.]+)*$", path)) ?
        "functions.${name}.event.detail[\"${path}\"] is empty or contains null. Write the values to handle, or leave it out." :
        "functions.${name}.event.detail: \"${path}\" is not the path of a property. Write one such as \"bucket.name\"."
        if !can(regex("^[^.]+(?:[.][^.]+)*$", path)) || length(values) == 0 || !alltrue([for v in values : can(coalesce(v))])
      ],
    ]],

    [for entity, kinds in(f.changes == null ? {} : f.changes) : !contains(keys(var.entities), entity) ?
      ["functions.${name}.changes: there is no entity \"${entity}\". Write one of ${join(", ", keys(var.entities))}."] :
      try(length(kinds), 0) == 0 ?
      ["functions.${name}.changes.${entity} is empty. Write, for example, [{ kind = \"created\" }], or leave ${entity} out."] :
      flatten([for n, change in kinds : change == null ? ["functions.${name}.changes.${entity}[${n}] is null. Remove it."] : flatten([
        contains(keys(local.change_kinds), change.kind) ? [] : [join(" ", [
          "functions.${name}.changes.${entity}[${n}].kind: \"${change.kind}\" is not a kind of change. Write \"created\", \"updated\",",
          "\"deleted\" or \"expired\".",
        ])],
        change.kind == "expired" && try(var.entities[entity].ttl == null, false) ? [join(" ", [
          "functions.${name}.changes.${entity}[${n}].kind: items of ${entity} do not expire. Add ttl to the entity, or write another kind.",
        ])] : [],
        contains(["deleted", "expired"], change.kind) && length(change.becomes) > 0 ? [join(" ", [
          "functions.${name}.changes.${entity}[${n}].becomes: an item that is ${change.kind} has no new values. Leave becomes out, or",
          "write kind = \"updated\".",
        ])] : [],
        [for property, value in change.becomes : join("", [
          "functions.${name}.changes.${entity}[${n}].becomes.${property}: ",
          !can(local.properties[entity][property]) ?
          "${var.entities[entity].schema} has no property \"${property}\". Write one of ${join(", ", keys(local.properties[entity]))}." :
          !contains(["boolean", "integer", "number", "string"], local.properties[entity][property].type) ?
          join(" ", [
            "the property needs one type to compare with. Write \"type\": \"boolean\", \"integer\", \"number\" or \"string\" in",
            "${var.entities[entity].schema}.",
          ]) :
          "${try("\"${value}\"", "null")} is not of the type ${local.properties[entity][property].type}. Write a value of this type.",
          ]) if can(local.readable_entities[entity].schema) && try(var.entities[entity].schema != null, false) && !try(value != null && {
          boolean = can(tobool(value))
          integer = try(floor(tonumber(value)) == tonumber(value), false)
          number  = can(tonumber(value))
          string  = true
        }[local.properties[entity][property].type], false)],
      ])])
    ],
    [for entity, kinds in(f.changes == null ? {} : f.changes) : "functions.${name}.changes.${entity}: two changes are the same. Remove one."
      if try(length(distinct(kinds)) < length(kinds), false)
    ],
    f.imports && !contains(local.kinds_of[name], "changes") ? [
      "functions.${name}.imports is for functions with changes, but this one has none. Leave it out."
    ] : [],
  ]) if f != null }

  valid_functions = { for name, faults in local.function_shape_faults : name => var.functions[name] if length(faults) == 0 }

  # Services whose actions could change the rules for other functions and the API.
  closed_services = {
    apigateway    = "the API's own rules"
    account       = "the account"
    iam           = "the permissions of this function and others"
    organizations = "the account"
  }

  role_prefix = "arn:${local.partition}:iam::${local.account}:role/"

  # This system's resources, by the service whose actions could bypass Trestle's rules, each with an
  # alternative that follows them.
  system_arns = concat(
    flatten([for entity, arn in local.table_arns : [for part in ["", "/index/created", "/stream/label"] : {
      service = "dynamodb", arn = "${arn}${part}", what = "the table of ${entity}", instead = "Write uses = { ${entity} = [...] } instead"
    }]]),
    flatten([for f in local.function_names : [for part in ["", ":live"] : {
      service = "lambda", arn = "arn:${local.partition}:lambda:${var.region}:${local.account}:function:${f}${part}"
      what    = "the function ${f}", instead = "Write sends instead, to a function with a queue"
    }]]),
    [for queue in compact(flatten([for f in values(local.own_functions) : [f.queue_name, f.dead_letters]])) : {
      service = "sqs", arn = "arn:${local.partition}:sqs:${var.region}:${local.account}:${queue}", what = "the queue ${queue}"
      instead = "Write sends instead"
    }],
    [for bucket, content in { audit = "the audit records", website = "the web console" } : {
      service                       = "s3", arn = "arn:${local.partition}:s3:::${var.name}-${bucket}-${var.environment}-suffix/key"
      what                          = "the bucket of ${content}", instead = "Name your own buckets"
    }],
    [{
      service = "sts", arn = local.role_prefix, what = "roles of this account"
      instead = "Name roles of other accounts"
    }],
    [for f in local.function_names : {
      service = "logs", arn = "arn:${local.partition}:logs:${var.region}:${local.account}:log-group:/aws/lambda/${f}:*"
      what    = "the log of ${f}", instead = "Name your own log groups"
    }],
    # Their ids are known only after the apply, so each of these stands for all resources of its
    # kind.
    [for service, each in {
      cognito-idp    = { name = "userpool/id", what = "the users and groups of the sign-in", instead = "Name a user pool" }
      kms            = { name = "key/id", what = "the key of this system", instead = "Name your own keys" }
      secretsmanager = { name = "secret:id", what = "the secrets of other functions", instead = "Write secrets = { NAME = ARN } instead" }
      } : {
      service = service, arn = "arn:${local.partition}:${service}:${var.region}:${local.account}:${each.name}"
      what    = each.what, instead = each.instead
    }],
  )
  # Resources as patterns. A resource that begins like the roles of this account also matches the
  # entry for roles.
  statement_patterns = { for resource in distinct(flatten([for f in values(local.valid_functions) : [for s in f.statements :
    tolist(s.resources)
    ]])) : resource => join("", [
    "^${replace(replace(replace(resource, "/[.+^$(){}|\\[\\]\\\\]/", "\\$0"), "*", ".*"), "?", ".")}$",
    startswith(resource, local.role_prefix) ? "|^${local.role_prefix}$" : "",
  ]) }
  statement_faults = flatten([for name, f in local.valid_functions : [for n, s in f.statements : [for resource in s.resources : [
    for reached in [[for each in local.system_arns : merge(each, {
      action = [for action in s.actions : action if startswith(action, "${each.service}:")][0]
      }) if anytrue([for action in s.actions : startswith(action, "${each.service}:")]) &&
      can(regex(local.statement_patterns[resource], each.arn))
      ]] : join(" ", [
      "functions.${name}.statements[${n}]: ${reached[0].action} on \"${resource}\" reaches ${reached[0].what}. ${reached[0].instead}, or",
      "name the resources that the statement is for.",
    ]) if length(reached) > 0
  ]]]])

  # Names that other roles of this system have.
  reserved_function_names = ["authorizer", "backup", "flow", "restore"]
  # Faults in functions' names: too long, or the name of another resource of this system.
  function_name_faults = flatten([for name, f in local.own_functions : [
    length(f.name) <= 64 ? [] : [join(" ", [
      "functions.${name}: the name \"${f.name}\" has ${length(f.name)} characters, ${length(f.name) - 64} more than the 64 that AWS",
      "allows. Shorten the function's name, name or environment.",
    ])],
    [for key, generated in local.functions :
      "functions.${name}: the entity ${generated.entity} already has a function \"${f.name}\" (${generated.package}). Write another name."
      if generated.name == f.name
    ],
    [for ending in ["failed", "schedule"] : join(" ", [
      "functions.${name}: the function ${trimsuffix(name, "-${ending}")} already has a resource in AWS whose name ends in -${ending}.",
      "Write another name."
    ]) if endswith(name, "-${ending}") && can(var.functions[trimsuffix(name, "-${ending}")])],
    contains(local.reserved_function_names, name) ? ["functions.${name}: another role of the system has this name. Choose another."] : [],
  ]])

  # Everything that the API serves, with its method and path and the place that defines it:
  # operations of entities, then routes of functions.
  api_places = concat(
    [for key, m in local.methods : {
      entity = m.entity
      method = local.entity_operations[m.entity][m.operation].method
      path   = join("/", compact([local.entities[m.entity].path, local.entity_operations[m.entity][m.operation].path]))
      place  = "entities.${m.entity}"
      text   = "the operation ${m.operation} of ${m.entity}"
    }],
    [for r in local.written_routes : {
      entity = null, method = r.method, path = join("/", r.segments), place = r.place, text = r.place
    } if can(local.valid_functions[r.function])],
  )
  # By method and path, without the names of parameters.
  taken_routes = { for p in local.api_places : "${p.method} ${replace(p.path, "/{[^}]*}/", "{}")}" => p... }
  first_places = [for p in local.api_places : p if p == local.taken_routes["${p.method} ${replace(p.path, "/{[^}]*}/", "{}")}"][0]]

  # The places with a parameter, by the path before it. API Gateway allows one name for the
  # parameter at each position.
  parameter_places = { for each in flatten([for p in local.first_places : [for n, s in split("/", p.path) : {
    front = replace(join("/", slice(split("/", p.path), 0, n)), "/{[^}]*}/", "{}"), name = s, place = p
  } if startswith(s, "{")]]) : each.front => each... }

  route_faults = flatten([
    [for places in values(local.taken_routes) : [for p in slice(places, 1, length(places)) : places[0].entity == null ?
      "${p.place}: ${places[0].text} is the same route. Leave one of them out." :
      "${p.place}: ${places[0].text} has this route. Remove it from the entity's operations, or write another route."
    ]],
    [for p in local.api_places : [for name, e in local.entities :
      "${p.place}: /${p.path} is reserved for ${name}. Write another path." if p.path == join("/", compact([e.path, "batch"]))
    ] if p.entity == null],
    [for places in values(local.parameter_places) : [for each in places : join("", [
      "${each.place.place}: ${each.name} stands where ${places[0].place.text} has ${places[0].name}, but API Gateway allows only",
      " one name there. Write ${places[0].name}.",
    ]) if each.name != places[0].name]],
  ])

  # The files in schemas/ that routes name, with the place that names each.
  route_schemas = flatten([for route, m in local.own_methods : [for attribute, schema in merge(
    { for attribute, schema in { body = m.body, query = m.query } : attribute => schema if schema != null },
    { for status, schema in m.answers : "answers[\"${status}\"]" => schema },
    ) : { attribute = attribute, place = "functions.${m.function}.routes[\"${route}\"].${attribute}", schema = schema }
  ]])
  route_schema_faults = [for s in local.route_schemas : (
    !fileexists("${var.project}/${s.schema}") ?
    "${s.place}: there is no ${s.schema}. Write it, or leave the attribute out." :
    !can(jsondecode(file("${var.project}/${s.schema}"))) ?
    "${s.place}: ${s.schema} is not JSON. Run `python build.py`, which shows where the error is." :
    !can(keys(jsondecode(file("${var.project}/${s.schema}")))) ?
    "${s.place}: ${s.schema} is not a JSON Schema. Make its outermost value an object, such as { \"type\": \"object\" }." :
    "${s.place}: ${s.schema}${local.manifest.schemas[s.schema].query_fault}."
    ) if !can(keys(jsondecode(file("${var.project}/${s.schema}")))) ||
    s.attribute == "query" && can(local.manifest.schemas[s.schema].query_fault)
  ]

  queue_functions = [for name, f in local.own_functions : name if f.kind == "queue"]
  sends_faults = flatten([for name, f in local.own_functions : [for other in f.sends : join(" ", [
    "functions.${name}.sends: ${!can(var.functions[other]) ? "there is no function \"${other}\"" : "${other} has no queue to send to"}.",
    length(local.queue_functions) == 0 ? "Write queue = {} in a function." : "Write one of ${join(", ", local.queue_functions)}.",
  ]) if !contains(local.queue_functions, other) && !(can(var.functions[other]) && !can(local.own_functions[other]))]])

  # By entity, the functions that read its stream. https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
  change_readers = { for entity in keys(var.entities) : entity => [for name, f in local.own_functions : name if can(f.changes[entity])] }
  reader_faults = [for entity, names in local.change_readers : join(" ", [
    "functions.${names[2]}.changes.${entity}: ${names[0]} and ${names[1]} already read the changes of ${entity}, and at most two functions",
    "can read a table's changes. Extend one of them, or let it send jobs to a function with a queue.",
  ]) if length(names) > 2]

  # The functions with changes that the writes of each such function may run. A function never gets
  # its own creates and updates. Jobs that it sends are left out, because they do not run on
  # changes.
  change_runs = { for name, f in local.own_functions : name => [for other, o in local.own_functions : other
    if other != name && anytrue(flatten([for entity, kinds in o.changes : [for change in kinds :
      length(setintersection(try(local.change_kinds[change.kind], []), try(local.own_function_uses[name][entity], []))) > 0
    ]]))
  ] if f.kind == "changes" }
  change_runs_2 = { for name, others in local.change_runs : name =>
    distinct(concat(others, flatten([for o in others : local.change_runs[o]])))
  }
  change_runs_4 = { for name, others in local.change_runs_2 : name =>
    distinct(concat(others, flatten([for o in others : local.change_runs_2[o]])))
  }
  change_runs_8 = { for name, others in local.change_runs_4 : name =>
    distinct(concat(others, flatten([for o in others : local.change_runs_4[o]])))
  }
  change_runs_16 = { for name, others in local.change_runs_8 : name =>
    distinct(concat(others, flatten([for o in others : local.change_runs_8[o]])))
  }
  change_runs_all = { for name, others in local.change_runs_16 : name =>
    distinct(concat(others, flatten([for o in others : local.change_runs_16[o]])))
  }
  cycle_faults = [for name, others in local.change_runs_all : join(" ", [
    "functions.${name}.changes: the function would run itself through the writes of",
    "${join(", ", [for other in others : other if other != name && contains(local.change_runs_all[other], name)])}. Remove an operation",
    "that leads back to it from uses.",
  ]) if contains(others, name)]

  function_rule_faults = concat(
    flatten(values(local.function_shape_faults)), local.function_name_faults, local.route_faults, local.route_schema_faults,
    local.statement_faults, local.sends_faults, local.reader_faults, local.cycle_faults,
  )
}
