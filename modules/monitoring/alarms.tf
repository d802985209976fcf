locals {
  runbook_path   = "docs/how-to/runbook.md"
  period_seconds = 300

  # API Gateway closes a request after this time, even if the function's timeout is longer.
  gateway_timeout_seconds = 29

  # A threshold of 0 or null disables an alarm.
  thresholds  = try({ for kind, threshold in var.alarms : kind => threshold if !contains(["emails", "requests", "topic_arn"], kind) }, {})
  alarm_kinds = [for kind, threshold in local.thresholds : kind if threshold > 0]

  # The functions of operations, your own functions and the authorizer, by unique keys. `name` is
  # Lambda's name, `entity` and `label` begin the alarm's name, and `seconds` is the time limit of a
  # request, change or job. `dimensions` and `refusals` select metrics from log lines: faults, and the
  # authorizer's refusals, which Lambda counts as errors.
  watched_functions = merge(
    { for key, f in var.functions : key => {
      dimensions = { for operation in f.operations : "faults_${operation}" => { entity = f.entity, operation = operation } }
      entity     = f.entity
      label      = f.label
      name       = f.name
      seconds    = min(f.timeout, local.gateway_timeout_seconds)
    } },
    { for name, f in var.own_functions : "function ${name}" => {
      dimensions = { faults = { function = name } }
      entity     = name
      label      = "function"
      name       = f.name
      seconds    = f.kind == "routes" ? min(f.timeout, local.gateway_timeout_seconds) : f.timeout
    } },
    { for f in var.authorizer[*] : "function authorizer" => {
      dimensions = {}
      entity     = "authorizer"
      label      = "function"
      name       = f.name
      refusals   = { refusals = { function = "authorizer" } }
      seconds    = f.timeout
    } },
  )
  # Anybody can cause refusals. Without metrics from log lines they cannot be told from errors, so the
  # authorizer then has no alarms on errors. API Gateway's alarms remain.
  functions_with_errors = [for key, f in local.watched_functions : key if var.namespace != null || !can(f.refusals)]

  # A function's failures are Lambda's errors (crashes and timeouts) plus the faults in log lines (its
  # own 5xx responses). The two do not overlap. Without failures the metrics have no data, hence FILL.
  error_metrics = { for key, f in local.watched_functions : key => merge(
    { errors = { namespace = "AWS/Lambda", metric = "Errors", stat = "Sum", dimensions = { FunctionName = f.name } } },
    { for id, dimensions in f.dimensions : id => {
      namespace = var.namespace, metric = "Faults", stat = "Sum", dimensions = dimensions
    } if var.namespace != null },
    { for id, dimensions in try(f.refusals, {}) : id => {
      namespace = var.namespace, metric = "Refusals", stat = "Sum", dimensions = dimensions
    } if var.namespace != null },
  ) }
  error_expressions = { for key, metrics in local.error_metrics : key => replace(
    join(" + ", [for id in keys(metrics) : "FILL(${id}, 0)"]), "+ FILL(refusals", "- FILL(refusals"
  ) }

  # The keys are alarm names without the API's name. `kind` is an attribute of var.alarms. The keys of
  # `metrics` are ids, by which an expression refers to them. A single metric needs no expression.
  function_alarms = merge([for key, f in local.watched_functions : { for alarm in [
    {
      kind = "error_rate_percent"
      summary = join(" ", [
        "More than ${try(var.alarms.error_rate_percent, 0)} % of the requests fail, out of at least ${try(var.alarms.requests, 0)} in five",
        "minutes.",
      ])
      section    = "error-rate"
      expression = "IF(FILL(requests, 0) >= ${try(var.alarms.requests, 0)}, 100 * (${local.error_expressions[key]}) / FILL(requests, 1), 0)"
      metrics = merge(local.error_metrics[key], {
        requests = { namespace = "AWS/Lambda", metric = "Invocations", stat = "Sum", dimensions = { FunctionName = f.name } }
      })
      is_exclusive = true
      periods      = 1
    },
    {
      kind         = "errors"
      summary      = "At least ${try(var.alarms.errors, 0)} requests fail, in each of two periods of five minutes."
      section      = "errors"
      expression   = local.error_expressions[key]
      metrics      = local.error_metrics[key]
      is_exclusive = false
      periods      = 2
    },
    {
      kind       = "throttles"
      summary    = "At least ${try(var.alarms.throttles, 0)} requests are throttled by Lambda in five minutes."
      section    = "throttles"
      expression = null
      metrics = {
        throttles = { namespace = "AWS/Lambda", metric = "Throttles", stat = "Sum", dimensions = { FunctionName = f.name } }
      }
      is_exclusive = false
      periods      = 1
    },
    {
      kind = "duration_percent"
      summary = join(" ", [
        "The slowest request takes at least ${try(var.alarms.duration_percent, 0)} % of its time limit, in each of two periods of five",
        "minutes.",
      ])
      section    = "duration"
      expression = null
      metrics = {
        duration = { namespace = "AWS/Lambda", metric = "Duration", stat = "Maximum", dimensions = { FunctionName = f.name } }
      }
      is_exclusive = false
      periods      = 2
    },
    ] : "${f.entity}/${f.label}/${alarm.section}" => merge(alarm, {
      entity  = f.entity
      runbook = can(f.refusals) && can(regex("error", alarm.kind)) ? "authorizer" : alarm.section
      threshold = (
        alarm.kind == "duration_percent" ?
        10 * local.thresholds[alarm.kind] * f.seconds :
        local.thresholds[alarm.kind]
      )
  }) if contains(local.alarm_kinds, alarm.kind) && (!can(regex("error", alarm.kind)) || contains(local.functions_with_errors, key)) }]...)

  # Waiting and failed work of your own functions.
  consumer_alarms = merge([for name, f in var.own_functions : { for alarm in [
    {
      kind      = "dead_letters"
      summary   = "At least ${try(var.alarms.dead_letters, 0)} jobs or changes are in the dead-letter queue, after the last attempt."
      section   = "dead-letters"
      metric    = "ApproximateNumberOfMessagesVisible"
      source    = f.dead_letters
      periods   = 1
      threshold = try(var.alarms.dead_letters, 0)
    },
    {
      kind    = "message_age_seconds"
      summary = "The oldest job waits longer than the limit, retries included, in each of two periods of five minutes."
      section = "message-age"
      metric  = "ApproximateAgeOfOldestMessage"
      source  = f.queue
      periods = 2
      # At least the time for which a job may wait and be retried: until then it is not late.
      threshold = max(try(var.alarms.message_age_seconds, 0), coalesce(f.message_seconds, 0))
    },
    {
      kind = "iterator_age_seconds"
      summary = join(" ", [
        "Changes of items wait for at least ${try(var.alarms.iterator_age_seconds, 0)} seconds, in each of two periods of five minutes.",
      ])
      section   = "iterator-age"
      metric    = "IteratorAge"
      source    = f.has_streams ? f.name : null
      periods   = 2
      threshold = 1000 * try(var.alarms.iterator_age_seconds, 0)
    },
    ] : "${name}/function/${alarm.section}" => {
    entity       = name
    expression   = null
    is_exclusive = false
    kind         = alarm.kind
    metrics = { waiting = {
      dimensions = { for dimension in [alarm.kind == "iterator_age_seconds" ? "FunctionName" : "QueueName"] : dimension => alarm.source }
      metric     = alarm.metric
      namespace  = alarm.kind == "iterator_age_seconds" ? "AWS/Lambda" : "AWS/SQS"
      stat       = "Maximum"
    } }
    periods   = alarm.periods
    section   = alarm.section
    summary   = alarm.summary
    threshold = alarm.threshold
  } if alarm.source != null && contains(local.alarm_kinds, alarm.kind) }]...)

  # DynamoDB counts these by request, including requests that an index throttles.
  table_alarms = merge([for entity, table in var.tables : { for alarm in [
    {
      kind    = "table_throttles"
      metric  = "ThrottledRequests"
      summary = "DynamoDB throttles at least ${try(var.alarms.table_throttles, 0)} requests, in each of two periods of five minutes."
      section = "table-throttles"
    },
    {
      kind    = "table_system_errors"
      metric  = "SystemErrors"
      summary = "DynamoDB fails at least ${try(var.alarms.table_system_errors, 0)} requests, in each of two periods of five minutes."
      section = "table-system-errors"
    },
    ] : "${entity}/table/${trimprefix(alarm.section, "table-")}" => merge(alarm, {
      entity     = entity
      expression = length(table.actions) == 1 ? null : join(" + ", [for action in table.actions : "FILL(${lower(action)}, 0)"])
      metrics = { for action in table.actions : lower(action) => {
        namespace = "AWS/DynamoDB", metric = alarm.metric, stat = "Sum", dimensions = { TableName = table.name, Operation = action }
      } }
      is_exclusive = false
      periods      = 2
      threshold    = local.thresholds[alarm.kind]
  }) if contains(local.alarm_kinds, alarm.kind) && length(table.actions) > 0 }]...) # functions do not use a table without actions

  stage_dimensions = { ApiName = var.api.name, Stage = var.api.stage }
  gateway_alarms = { for alarm in [
    {
      kind       = "api_4xx"
      summary    = "At least ${try(var.alarms.api_4xx, 0)} requests are refused (4xx), in each of two periods of five minutes."
      section    = "gateway-4xx"
      expression = null
      metrics    = { refused = { namespace = "AWS/ApiGateway", metric = "4XXError", stat = "Sum", dimensions = local.stage_dimensions } }
    },
    {
      kind       = "api_5xx"
      summary    = "At least ${try(var.alarms.api_5xx, 0)} requests fail (5xx), in each of two periods of five minutes."
      section    = "gateway-5xx"
      expression = null
      metrics    = { failed = { namespace = "AWS/ApiGateway", metric = "5XXError", stat = "Sum", dimensions = local.stage_dimensions } }
    },
    {
      kind = "latency_p99_ms"
      summary = join(" ", [
        "One request in a hundred takes ${try(var.alarms.latency_p99_ms, 0)} ms or more, out of at least ${try(var.alarms.requests, 0)},",
        "in each of two periods of five minutes.",
      ])
      section    = "gateway-latency"
      expression = "IF(FILL(requests, 0) >= ${try(var.alarms.requests, 0)}, latency, 0)"
      metrics = {
        latency  = { namespace = "AWS/ApiGateway", metric = "Latency", stat = "p99", dimensions = local.stage_dimensions }
        requests = { namespace = "AWS/ApiGateway", metric = "Count", stat = "Sum", dimensions = local.stage_dimensions }
      }
    },
    ] : "gateway/${trimprefix(alarm.section, "gateway-")}" => merge(alarm, {
      is_exclusive = false
      periods      = 2
      threshold    = local.thresholds[alarm.kind]
  }) if contains(local.alarm_kinds, alarm.kind) }

  alarms            = merge(local.function_alarms, local.consumer_alarms, local.table_alarms, local.gateway_alarms)
  entity_alarm_keys = { for key, alarm in merge(local.function_alarms, local.consumer_alarms, local.table_alarms) : alarm.entity => key... }
  # Callers' errors may last for days. A composite alarm that is already in the state ALARM sends no
  # further notifications, so the 4xx alarm notifies separately, and the composite one covers the
  # others.
  caller_alarm_keys = [for key in keys(local.gateway_alarms) : key if key == "gateway/4xx"]
  service_alarm_keys = concat(
    [for key in keys(local.gateway_alarms) : key if !contains(local.caller_alarm_keys, key)],
    keys(local.entity_alarm_keys),
  )
  topic_arn = try(coalesce(var.alarms.topic_arn, local.created_topic_arn), null)
}

# Only the alarm for callers' errors notifies by itself. The API's composite alarm notifies once for
# all others.
resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_actions       = contains(local.caller_alarm_keys, each.key) ? [local.topic_arn] : []
  alarm_name          = "${var.name}/${each.key}"
  alarm_description   = "${each.value.summary} What to do: ${local.runbook_path}#${try(each.value.runbook, each.value.section)}"
  comparison_operator = each.value.is_exclusive ? "GreaterThanThreshold" : "GreaterThanOrEqualToThreshold"
  evaluation_periods  = each.value.periods
  ok_actions          = contains(local.caller_alarm_keys, each.key) ? [local.topic_arn] : []
  tags                = var.tags
  threshold           = each.value.threshold
  # Without calls there is no data.
  treat_missing_data = "notBreaching"

  dynamic "metric_query" {
    for_each = each.value.metrics
    content {
      id          = metric_query.key
      return_data = each.value.expression == null

      metric {
        dimensions  = metric_query.value.dimensions
        metric_name = metric_query.value.metric
        namespace   = metric_query.value.namespace
        period      = local.period_seconds
        stat        = metric_query.value.stat
      }
    }
  }

  dynamic "metric_query" {
    for_each = each.value.expression[*]
    content {
      id          = "total"
      expression  = metric_query.value
      label       = title(replace(each.value.section, "-", " "))
      return_data = true
    }
  }

  # An alarm cannot notify without the topic's policy.
  depends_on = [aws_sns_topic_policy.this]
}

# One composite alarm for each entity, because the API's composite alarm can combine only 100
# alarms, and an entity has up to 26. Your own function with an entity's name shares the entity's
# alarm.
resource "aws_cloudwatch_composite_alarm" "entity" {
  for_each = local.entity_alarm_keys

  alarm_name        = "${var.name}/${each.key}"
  alarm_description = "Alarm of ${each.key}: its functions, its table or its queues. What to do: ${local.runbook_path}#an-alarm-comes"
  alarm_rule        = join(" OR ", [for key in each.value : "ALARM(\"${aws_cloudwatch_metric_alarm.this[key].alarm_name}\")"])
  tags              = var.tags
}

resource "aws_cloudwatch_composite_alarm" "api" {
  count = length(local.service_alarm_keys) == 0 ? 0 : 1

  alarm_name        = var.name
  alarm_actions     = [local.topic_arn]
  alarm_description = "One of the alarms of ${var.name}, except callers' errors. What to do: ${local.runbook_path}#an-alarm-comes"
  ok_actions        = [local.topic_arn]
  alarm_rule        = join(" OR ", [for key in local.service_alarm_keys : "ALARM(\"${var.name}/${key}\")"])
  tags              = var.tags

  # The alarms in the rule have to exist, and an alarm cannot notify without the topic's policy.
  depends_on = [aws_cloudwatch_composite_alarm.entity, aws_cloudwatch_metric_alarm.this, aws_sns_topic_policy.this]
}
