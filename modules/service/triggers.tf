# What starts functions of your own, as it follows from the variables alone: streams, queues, schedules and events. consumers.tf makes it.
locals {
  # Seconds that a queue keeps a job: what fails at the end of them is still a week in the dead-letter queue.
  queue_retention = 7 * 24 * 3600

  sqs_arn = "arn:${local.partition}:sqs:${var.region}:${local.account}"

  # Functions with a queue of jobs, and those with a dead-letter queue, which are all but the API's.
  consumers    = { for name, f in local.own_functions : name => f if f.queue_name != null }
  failing      = { for name, f in local.own_functions : name => f if f.dead_letters != null }
  scheduled    = { for name, f in local.own_functions : name => f if f.kind == "schedule" }
  event_driven = { for name, f in local.own_functions : name => f if f.kind == "event" }

  # The streams that functions read, by "function.entity". A function may read several, and two functions one.
  streams = merge([for name, f in local.own_functions : {
    for entity, changes in f.changes : "${name}.${entity}" => {
      entity   = entity
      function = name
      # What AWS judges of each change: the kind of the write, and values of properties that are texts or booleans. Everything else is the
      # function's: a number has several forms, an old value may be missing, and only the record tells expired items from deleted ones.
      filters = [for change in changes : {
        # Where items expire, a new one may take the place of one whose time was over: one record for both.
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

  # Patterns of the kinds alone, and with values.
  stream_kinds = { for key, stream in local.streams : key => sort(distinct([for filter in stream.filters :
    jsonencode({ eventName = filter.events })
  ])) }
  stream_patterns = { for key, stream in local.streams : key => sort(distinct([for filter in stream.filters :
    # A kind that is asked for without values needs no pattern with them.
    length(filter.values) == 0 || anytrue([for other in stream.filters : other.events == filter.events && length(other.values) == 0]) ?
    jsonencode({ eventName = filter.events }) :
    jsonencode({ dynamodb = { NewImage = { doc = { M = filter.values } } }, eventName = filter.events })
  ])) }
  # Lambda takes five patterns, of 4096 characters each: https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html
  stream_filters = { for key, patterns in local.stream_patterns : key =>
    length(patterns) <= 5 && alltrue([for pattern in patterns : length(pattern) <= 4096]) ? patterns : local.stream_kinds[key]
  }

  # Names such as "bucket.name" as nested objects, from the innermost name outwards: Terraform has no recursion. Each level holds the text
  # of every value, or object, whose path has so many parts, by path.
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

  # A bus by its name or ARN; the ARN of a rule has its name, unless it is the default one.
  event_rule_arns = { for name, f in local.event_driven : name => join("", [
    "arn:${local.partition}:events:${var.region}:${local.account}:rule/",
    f.event.bus == "default" ? "" : "${element(split("/", f.event.bus), -1)}/",
    f.name,
  ]) }

  # Scheduler puts the two values in. Literally: jsonencode() escapes < and >.
  schedule_input = "{\"id\":\"<aws.scheduler.execution-id>\",\"at\":\"<aws.scheduler.scheduled-time>\",\"body\":null}"

  # What a function may do because of what starts it. Lambda receives and deletes messages and reads streams in its name.
  trigger_statements = { for name, f in local.failing : name => concat(
    [for queue in compact([f.queue_name]) : {
      sid       = "ReceiveJobs"
      actions   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
      resources = ["${local.sqs_arn}:${queue}"]
    }],
    # A job may ask to be called again; an event is no job.
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

  # The AWS services, by the names of their endpoints, that each function calls besides DynamoDB: jobs are called again, and changes that
  # fail are sent, by the function itself. What starts it, its logs and its traces are Lambda's own business.
  called_services = { for name, f in local.own_functions : name => sort(distinct(concat(
    length(f.secrets) > 0 ? ["secretsmanager"] : [],
    f.kind != "routes" || length(f.sends) > 0 ? ["sqs"] : [],
    [for action in flatten([for s in f.statements : tolist(s.actions)]) :
      lookup(local.contract.network.endpoint_names, split(":", action)[0], split(":", action)[0]) if !startswith(action, "dynamodb:")
    ],
  ))) }
  # Those among them that have no gateway endpoint.
  called_endpoints = { for name, services in local.called_services : name => [for service in services : service if service != "s3"] }

  # What Trestle is sure that the function calls, where it makes the VPC. What an existing VPC reaches is for `make preflight` to see.
  has_way_out = !local.makes_network ? true : local.nat != "none"
  unreached_services = { for name, services in local.called_services : name => [for service in services : service
    if local.makes_network && !(local.has_way_out && local.own_functions[name].egress) &&
    contains(["secretsmanager", "sqs"], service) && !contains(local.endpoints, service)
  ] }

  # The longest time that a job may take until its last attempt ends, in seconds.
  job_times = { for name, f in local.consumers : name => f.retries.attempts * f.timeout + sum(concat([0], [
    for n in range(min(1000, max(0, f.retries.attempts - 1))) : min(f.retries.backoff[1], f.retries.backoff[0] * pow(2, min(n, 40)))
  ])) }

  trigger_faults = flatten([
    [for name, f in local.own_functions : join(" ", [
      "functions.${name}.egress: the network has no way out. Write nat = \"single\" in network, or network = null to run functions outside",
      "of a VPC.",
    ]) if f.egress && !local.has_way_out],
    [for name, services in local.unreached_services : join(" ", [
      "functions.${name}: the function calls",
      "${join(" and ", [for service in services : local.contract.network.services[service].name])}, which the network does not reach.",
      "Add ${join(" and ", [for service in services : "\"${service}\""])} to endpoints in network, or write nat =",
      "\"single\" in network and egress = true in the function, or network = null to run functions outside of a VPC.",
    ]) if length(services) > 0],
    [for name, f in local.consumers : join(" ", [
      "functions.${name}.queue: ${f.retries.attempts} attempts may take ${ceil(local.job_times[name] / 86400)} days, and the queue keeps a",
      "job for ${local.queue_retention / 86400}. Write fewer attempts or a shorter backoff.",
    ]) if local.job_times[name] > local.queue_retention],
    [for name, f in local.event_driven : [for path in keys(f.event.detail) :
      length(split(".", path)) > 4 ?
      "functions.${name}.event.detail: \"${path}\" has more than four parts. Name an outer property, and check the rest in the function." :
      join(" ", [
        "functions.${name}.event.detail: \"${path}\" cannot have values of its own, since",
        "\"${[for inner in keys(f.event.detail) : inner if startswith(inner, "${path}.")][0]}\" is within it. Leave one of them out.",
      ])
      if length(split(".", path)) > 4 || anytrue([for inner in keys(f.event.detail) : startswith(inner, "${path}.")])
    ]],
  ])
}
