# The triggers of your own functions, derived from variables only: streams, queues, schedules and
# events. consumers.tf creates them.
locals {
  # The seconds for which a queue keeps a job. A job that fails at the end of this time is then kept
  # in the dead-letter queue for another week.
  queue_retention = 7 * 24 * 3600

  sqs_arn = "arn:${local.partition}:sqs:${var.region}:${local.account}"

  # Functions with a queue of jobs, and those with a dead-letter queue, which are all except those
  # with routes.
  consumers         = { for name, f in local.own_functions : name => f if f.queue_name != null }
  with_dead_letters = { for name, f in local.own_functions : name => f if f.dead_letters != null }
  scheduled         = { for name, f in local.own_functions : name => f if f.kind == "schedule" }
  event_driven      = { for name, f in local.own_functions : name => f if f.kind == "event" }

  # The streams that functions read, by "function.entity". A function may read several streams, and
  # two functions may read the same one.
  streams = merge([for name, f in local.own_functions : {
    for entity, changes in f.changes : "${name}.${entity}" => {
      entity   = entity
      function = name
      # The conditions that Lambda evaluates for each change: the kind of the write, and the values
      # of string and boolean properties. The function checks the rest: a number has several forms,
      # an old value may be missing, and only the record distinguishes expired items from deleted
      # ones.
      filters = [for change in changes : {
        # If items expire, a new item may replace an expired one. One record then stands for both.
        events = {
          created = local.entities[entity].ttl == null ? ["INSERT"] : ["INSERT", "MODIFY"]
          updated = ["MODIFY"]
          deleted = ["REMOVE"]
          expired = local.entities[entity].ttl == null ? ["REMOVE"] : ["MODIFY", "REMOVE"]
        }[change.kind]
        values = merge(
          { for property, value in change.becomes : property => { S = [value] }
            if can(regex("^[A-Za-z0-9_-]+$", property)) && try(local.properties[entity][property].type, "") == "string"
          },
          { for property, value in change.becomes : property => { BOOL = [tobool(value)] }
            if can(regex("^[A-Za-z0-9_-]+$", property)) && try(local.properties[entity][property].type, "") == "boolean" &&
            contains(["false", "true"], value)
          },
        )
      } if contains(["created", "deleted", "expired", "updated"], change.kind)]
    } if can(local.entities[entity])
  }]...)

  # The event filters of each stream: by the kind of the write only, and also by values.
  stream_kinds = { for key, stream in local.streams : key => sort(distinct([for filter in stream.filters :
    jsonencode({ eventName = filter.events })
  ])) }
  stream_patterns = { for key, stream in local.streams : key => sort(distinct([for filter in stream.filters :
    # A pattern without values makes patterns with values for the same kind redundant.
    length(filter.values) == 0 || anytrue([for other in stream.filters : other.events == filter.events && length(other.values) == 0]) ?
    jsonencode({ eventName = filter.events }) :
    jsonencode({ dynamodb = { NewImage = { doc = { M = filter.values } } }, eventName = filter.events })
  ])) }
  # Lambda accepts five patterns of 4096 characters each: https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html
  stream_filters = { for key, patterns in local.stream_patterns : key =>
    length(patterns) <= 5 && alltrue([for pattern in patterns : length(pattern) <= 4096]) ? patterns : local.stream_kinds[key]
  }

  # Paths such as "bucket.name" as nested objects, from the innermost name outwards, because
  # Terraform has no recursion. Level N has the JSON text of each value or object whose path has N
  # parts, by path.
  details = { for name, f in local.event_driven : name => { for path, values in f.event.detail : path => jsonencode(sort(values)) } }
  detail_paths = { for name, details in local.details : name => [for depth in range(5) : distinct([for path in keys(details) :
    join(".", slice(split(".", path), 0, depth)) if length(split(".", path)) >= depth
  ])] }
  details_4 = { for name, paths in local.detail_paths : name => { for path in paths[4] : path => try(local.details[name][path], "{}") } }
  details_3 = { for name, paths in local.detail_paths : name => { for path in paths[3] : path => try(local.details[name][path], join("", [
    "{", join(",", [for inner, text in local.details_4[name] : "${jsonencode(split(".", inner)[3])}:${text}"
    if startswith(inner, "${path}.")]), "}"
  ])) } }
  details_2 = { for name, paths in local.detail_paths : name => { for path in paths[2] : path => try(local.details[name][path], join("", [
    "{", join(",", [for inner, text in local.details_3[name] : "${jsonencode(split(".", inner)[2])}:${text}"
    if startswith(inner, "${path}.")]), "}"
  ])) } }
  details_1 = { for name, paths in local.detail_paths : name => { for path in paths[1] : path => try(local.details[name][path], join("", [
    "{", join(",", [for inner, text in local.details_2[name] : "${jsonencode(split(".", inner)[1])}:${text}"
    if startswith(inner, "${path}.")]), "}"
  ])) } }

  event_patterns = { for name, f in local.event_driven : name => jsonencode(merge(
    { source = [f.event.source] },
    length(f.event.types) == 0 ? {} : { detail-type = sort(f.event.types) },
    length(f.event.detail) == 0 ? {} : { detail = jsondecode("{${join(",", [for path, text in local.details_1[name] :
      "${jsonencode(path)}:${text}"
    ])}}") },
  )) }

  # The variable names a bus by its name or ARN. A rule's ARN contains the bus's name, except that of
  # the default bus.
  event_rule_arns = { for name, f in local.event_driven : name => join("", [
    "arn:${local.partition}:events:${var.region}:${local.account}:rule/",
    f.event.bus == "default" ? "" : "${element(split("/", f.event.bus), -1)}/",
    f.name,
  ]) }

  # Scheduler replaces the two placeholders. This is a literal, because jsonencode() escapes < and
  # >.
  schedule_input = "{\"id\":\"<aws.scheduler.execution-id>\",\"at\":\"<aws.scheduler.scheduled-time>\",\"body\":null}"

  # The permissions that a function needs for its trigger. Lambda uses the function's role to
  # receive and delete messages and to read streams.
  trigger_statements = { for name, f in local.with_dead_letters : name => concat(
    [for queue in compact([f.queue_name]) : {
      sid       = "ReceiveJobs"
      actions   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
      resources = ["${local.sqs_arn}:${queue}"]
    }],
    # A job may return Again, which sends a job to the same queue. An event may not.
    [for queue in compact([f.queue_name]) : {
      sid = "CallAgain", actions = ["sqs:SendMessage"], resources = ["${local.sqs_arn}:${queue}"]
    } if f.kind != "event"],
    [for entities in [[for entity in keys(f.changes) : entity if can(local.table_arns[entity])]] : {
      sid       = "ReadChanges"
      actions   = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"]
      resources = [for entity in entities : "${local.table_arns[entity]}/stream/*"]
    } if length(entities) > 0],
    [for kind in [f.kind] : {
      sid = "SendDeadLetters", actions = ["sqs:SendMessage"], resources = ["${local.sqs_arn}:${f.dead_letters}"]
    } if kind == "changes"],
  ) }

  # The AWS services that each function itself calls besides DynamoDB, by the names of their
  # endpoints. SQS is one of them for functions with a queue or changes, which reschedule jobs and
  # send failed changes. Triggers, logs and traces do not use the function's network.
  called_services = { for name, f in local.own_functions : name => sort(distinct(concat(
    length(f.secrets) > 0 ? ["secretsmanager"] : [],
    f.kind != "routes" || length(f.sends) > 0 ? ["sqs"] : [],
    [for action in flatten([for s in f.statements : tolist(s.actions)]) :
      lookup(local.contract.network.endpoint_names, split(":", action)[0], split(":", action)[0]) if !startswith(action, "dynamodb:")
    ],
  ))) }
  # Those without a gateway endpoint.
  called_endpoints = { for name, services in local.called_services : name => [for service in services : service if service != "s3"] }

  # The services that a function certainly calls and that it cannot reach from the VPC that Trestle
  # creates. For an existing VPC, `make preflight` checks this.
  has_internet_route = !local.makes_network ? true : local.nat != "none"
  unreachable_services = { for name, services in local.called_services : name => [for service in services : service
    if local.makes_network && !(local.has_internet_route && local.own_functions[name].egress) &&
    contains(["secretsmanager", "sqs"], service) && !contains(local.endpoints, service)
  ] }

  # The longest time that a job may take until its last attempt ends, in seconds.
  job_times = { for name, f in local.consumers : name => f.retries.attempts * f.timeout + sum(concat([0], [
    for n in range(min(1000, max(0, f.retries.attempts - 1))) : min(f.retries.backoff[1], f.retries.backoff[0] * pow(2, min(n, 40)))
  ])) }

  trigger_faults = flatten([
    [for name, f in local.own_functions : join(" ", [
      "functions.${name}.egress: the network has no route to the internet. Write nat = \"single\" in network, or network = null to run",
      "functions outside of a VPC.",
    ]) if f.egress && !local.has_internet_route],
    [for name, services in local.unreachable_services : join(" ", [
      "functions.${name}: the function calls",
      "${join(" and ", [for service in services : local.contract.network.services[service].name])}, which it cannot reach.",
      "Add ${join(" and ", [for service in services : "\"${service}\""])} to endpoints in network, or write nat =",
      "\"single\" in network and egress = true in the function, or network = null to run functions outside of a VPC.",
    ]) if length(services) > 0],
    [for name, f in local.consumers : join(" ", [
      "functions.${name}.queue: ${f.retries.attempts} attempts may take ${ceil(local.job_times[name] / 86400)} days, and the queue keeps a",
      "job for ${local.queue_retention / 86400} days. Write fewer attempts or a shorter backoff.",
    ]) if local.job_times[name] > local.queue_retention],
    [for name, f in local.event_driven : [for path in keys(f.event.detail) :
      length(split(".", path)) > 4 ?
      "functions.${name}.event.detail: \"${path}\" has more than four parts. Name an outer property, and check the rest in the function." :
      join(" ", [
        "functions.${name}.event.detail: \"${path}\" cannot have values, since",
        "\"${[for inner in keys(f.event.detail) : inner if startswith(inner, "${path}.")][0]}\" is inside it. Leave one of them out.",
      ])
      if length(split(".", path)) > 4 || anytrue([for inner in keys(f.event.detail) : startswith(inner, "${path}.")])
    ]],
  ])
}
