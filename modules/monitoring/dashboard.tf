locals {
  console_host = lookup(
    { aws-cn = "console.amazonaws.cn", aws-us-gov = "console.amazonaws-us-gov.com" }, var.scope.partition, "console.aws.amazon.com"
  )

  alarm_arn_prefix = "arn:${var.scope.partition}:cloudwatch:${var.scope.region}:${var.scope.account_id}:alarm:"

  graph = { period = local.period_seconds, region = var.scope.region, stat = "Sum", view = "timeSeries" }

  # Widgets without a position follow each other, in rows of 24 units.
  head_widgets = concat(
    [{
      type       = "text"
      width      = 24
      height     = 2
      properties = { markdown = "# ${var.name}\nWhat the graphs show, and what to do about an alarm: ${local.runbook_path}" }
    }],
    [for arns in [
      [for name in concat(aws_cloudwatch_composite_alarm.api[*].alarm_name,
        [for key in concat(local.caller_alarm_keys, local.service_alarm_keys) : "${var.name}/${key}"]) :
      "${local.alarm_arn_prefix}${name}"]] :
      { type = "alarm", width = 24, height = 3, properties = { title = "Alarms", alarms = slice(arns, 0, min(100, length(arns))) } }
      if length(local.alarms) > 0
    ],
    [
      { type = "metric", width = 8, height = 6, properties = merge(local.graph, {
        title   = "Traffic: requests"
        metrics = [["AWS/ApiGateway", "Count", "ApiName", var.api.name, "Stage", var.api.stage]]
      }) },
      { type = "metric", width = 8, height = 6, properties = merge(local.graph, {
        title = "Errors"
        metrics = [
          ["AWS/ApiGateway", "4XXError", "ApiName", var.api.name, "Stage", var.api.stage],
          ["AWS/ApiGateway", "5XXError", "ApiName", var.api.name, "Stage", var.api.stage],
        ]
      }) },
      { type = "metric", width = 8, height = 6, properties = merge(local.graph, {
        title = "Latency, ms"
        metrics = [for stat in ["p50", "p90", "p99"] :
          ["AWS/ApiGateway", "Latency", "ApiName", var.api.name, "Stage", var.api.stage, { label = stat, stat = stat }]
        ]
      }) },
    ],
  )

  entity_functions = { for key, f in var.functions : f.entity => f... }

  # An operation as callers see it: the metrics from log lines, or Lambda's metrics, which are by
  # function.
  entity_metrics = { for entity, functions in local.entity_functions : entity => {
    requests = concat(
      [for f in functions : ["AWS/Lambda", "Invocations", "FunctionName", f.name, { label = f.label }] if var.namespace == null],
      [for o in flatten(functions[*].operations) :
        [var.namespace, "Requests", "entity", entity, "operation", o, { label = o }]
        if var.namespace != null
      ],
    )
    errors = concat(
      [for f in functions : ["AWS/Lambda", "Errors", "FunctionName", f.name, { label = "${f.label}: crashes" }]],
      [for pair in setproduct(flatten(functions[*].operations), ["Faults", "Conflicts", "ValidationFailures"]) :
        [var.namespace, pair[1], "entity", entity, "operation", pair[0], { label = "${pair[0]}: ${pair[1]}" }] if var.namespace != null
      ],
    )
    latency = concat(
      [for pair in setproduct(functions, ["p50", "p99"]) :
        ["AWS/Lambda", "Duration", "FunctionName", pair[0].name, { label = "${pair[0].label} ${pair[1]}", stat = pair[1] }]
        if var.namespace == null
      ],
      [for pair in setproduct(flatten(functions[*].operations), ["p50", "p99"]) :
        [var.namespace, "Latency", "entity", entity, "operation", pair[0], { label = "${pair[0]} ${pair[1]}", stat = pair[1] }]
        if var.namespace != null
      ],
    )
    # DynamoDB counts an index separately from its table.
    capacity = concat(
      [for metric in ["Read", "Write"] :
        ["AWS/DynamoDB", "Consumed${metric}CapacityUnits", "TableName", var.tables[entity].name, { label = "${entity}: ${lower(metric)}" }]
      ],
      [for pair in setproduct(var.tables[entity].indexes, ["Read", "Write"]) :
        [
          "AWS/DynamoDB",
          "Consumed${pair[1]}CapacityUnits",
          "TableName",
          var.tables[entity].name,
          "GlobalSecondaryIndexName",
          pair[0],
          { label = "${entity} ${pair[0]}: ${lower(pair[1])}" }
        ]
      ],
    )
    throttles = concat(
      [for f in functions : ["AWS/Lambda", "Throttles", "FunctionName", f.name, { label = f.label, yAxis = "right" }]],
      [for action in var.tables[entity].actions :
        [
          "AWS/DynamoDB",
          "ThrottledRequests",
          "TableName",
          var.tables[entity].name,
          "Operation",
          action,
          { label = action, yAxis = "right" }
        ]
      ],
    )
  } }

  # The same for your own functions: requests, changes, jobs or events, and those that wait.
  own_metrics = { for name, f in var.own_functions : "function ${name}" => {
    requests = [
      var.namespace == null ?
      ["AWS/Lambda", "Invocations", "FunctionName", f.name, { label = "invocations" }] :
      [var.namespace, "Requests", "function", name, { label = f.kind }]
    ]
    errors = concat(
      [["AWS/Lambda", "Errors", "FunctionName", f.name, { label = "crashes" }]],
      [for metric in ["Faults", "Conflicts", "ValidationFailures"] : [var.namespace, metric, "function", name, { label = metric }]
        if var.namespace != null && (metric == "Faults" || f.kind == "routes")
      ],
    )
    latency = [for stat in ["p50", "p99"] : var.namespace == null ?
      ["AWS/Lambda", "Duration", "FunctionName", f.name, { label = stat, stat = stat }] :
      [var.namespace, "Latency", "function", name, { label = stat, stat = stat }]
    ]
    waiting = concat(
      [for queue in compact([f.queue]) :
        ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", queue, { label = "jobs", stat = "Maximum" }]
      ],
      [for queue in compact([f.dead_letters]) :
        ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", queue, { label = "dead letters", stat = "Maximum" }]
      ],
      [for queue in compact([f.queue]) : [
        "AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", queue, { label = "oldest job, s", stat = "Maximum", yAxis = "right" }
      ]],
      [for function in [f.name] : [
        "AWS/Lambda", "IteratorAge", "FunctionName", function, { label = "oldest change, ms", stat = "Maximum", yAxis = "right" }
      ] if f.has_streams],
      [["AWS/Lambda", "Throttles", "FunctionName", f.name, { label = "throttles" }]],
    )
  } }

  # The same for the function that verifies tokens. The gateway caches its results, so it gets fewer
  # requests than the API.
  authorizer_metrics = { for f in var.authorizer[*] : "function authorizer" => {
    requests = [["AWS/Lambda", "Invocations", "FunctionName", f.name, { label = "tokens verified" }]]
    errors = concat(
      [["AWS/Lambda", "Errors", "FunctionName", f.name, { label = "refused or failed" }]],
      [for metric in ["Refusals"] : [var.namespace, metric, "function", "authorizer", { label = "refused" }] if var.namespace != null],
    )
    latency = [for stat in ["p50", "p99"] : ["AWS/Lambda", "Duration", "FunctionName", f.name, { label = stat, stat = stat }]]
    waiting = [["AWS/Lambda", "Throttles", "FunctionName", f.name, { label = "throttles" }]]
  } }

  # The dashboard's sections: entities, then your own functions and the authorizer. The latter's
  # keys contain a space, which entities' names do not.
  functions_of = merge(
    local.entity_functions,
    { for name, f in var.own_functions : "function ${name}" => [f] },
    { for f in var.authorizer[*] : "function authorizer" => [f] },
  )
  figures_of = merge(
    { for entity, figures in local.entity_metrics : entity => {
      capacity = figures.capacity, errors = figures.errors, latency = figures.latency, requests = figures.requests
      title    = "capacity units; throttles (right)", waiting = concat(figures.capacity, figures.throttles)
    } },
    { for section, figures in local.own_metrics : section => merge(figures, {
      capacity = [], title = "waiting, and throttles; age (right)"
    }) },
    { for section, figures in local.authorizer_metrics : section => merge(figures, { capacity = [], title = "throttles" }) },
  )

  section_widgets = { for entity, figures in local.figures_of : entity => [
    { type = "text", width = 24, height = 1, properties = { markdown = "## ${entity}" } },
    {
      type       = "metric"
      width      = 6
      height     = 6
      properties = merge(local.graph, { title = "${entity}: requests", stacked = true, metrics = figures.requests })
    },
    { type = "metric", width = 6, height = 6, properties = merge(local.graph, { title = "${entity}: errors", metrics = figures.errors }) },
    {
      type       = "metric"
      width      = 6
      height     = 6
      properties = merge(local.graph, { title = "${entity}: latency, ms", metrics = figures.latency })
    },
    { type = "metric", width = 6, height = 6, properties = merge(local.graph, {
      title   = "${entity}: ${figures.title}"
      metrics = figures.waiting
    }) },
  ] }

  # An id begins with a lower-case letter, and contains no hyphens.
  metric_ids = merge(
    { for key, f in var.functions : f.name => "f_${replace(replace(key, "-", "_"), ".", "_")}" },
    { for name, f in var.own_functions : f.name => "function_${replace(name, "-", "_")}" },
    { for f in var.authorizer[*] : f.name => "function_authorizer" },
  )

  # CloudWatch allows 500 metrics in a widget, and 2,500 metrics and 500 widgets in a dashboard.
  # Entities that do not fit on one dashboard are on further ones, which the first one names. The
  # numbers below leave some room for the head.
  metric_counts = { for entity, figures in local.figures_of : entity =>
    length(figures.requests) + length(figures.errors) + length(figures.latency) + length(figures.waiting) +
  length(figures.capacity) + 2 * length(local.functions_of[entity]) + 1 }
  per_page = floor(min(
    2450 / max(values(local.metric_counts)...),
    480 / max([for entity, figures in local.figures_of : max(length(figures.capacity), length(local.functions_of[entity]) + 1)]...),
    480 / 5,
  ))
  pages    = chunklist(concat(keys(local.entity_metrics), keys(local.own_metrics), keys(local.authorizer_metrics)), local.per_page)
  is_paged = length(local.pages) > 1

  cost_widgets = [for entities in local.pages : concat(
    [{ type = "text", width = 24, height = 1, properties = { markdown = "## Billed quantities, by the hour" } }],
    [for metric in ["Count"] : { type = "metric", width = 6, height = 6, properties = merge(local.graph, {
      period  = 3600
      title   = "Requests to the gateway"
      metrics = [["AWS/ApiGateway", metric, "ApiName", var.api.name, "Stage", var.api.stage]]
    }) } if !local.is_paged],
    [
      { type = "metric", width = 6, height = 6, properties = merge(local.graph, {
        period = 3600
        title  = "GB-seconds of the functions"
        metrics = concat(
          [for f in flatten([for entity in entities : local.functions_of[entity]]) :
            ["AWS/Lambda", "Duration", "FunctionName", f.name, { id = local.metric_ids[f.name], visible = false }]
          ],
          [for entity in entities : [{
            expression = join(" ", [
              "(${join(" + ", [for f in local.functions_of[entity] : "FILL(${local.metric_ids[f.name]}, 0)"])}) *",
              "${local.functions_of[entity][0].memory_size} / 1024000",
            ])
            label = entity
          }]],
        )
      }) },
      { type = "metric", width = 6, height = 6, properties = merge(local.graph, {
        period  = 3600
        title   = "Capacity units of the tables and their indexes"
        metrics = concat([for entity in entities : local.figures_of[entity].capacity]...)
      }) },
      { type = "metric", width = 6, height = 6, properties = merge(local.graph, {
        period = 3600
        title  = "Bytes of logs"
        metrics = [for group in concat(
          [for group in [var.api.log_group] : group if !local.is_paged],
          [for f in flatten([for entity in entities : local.functions_of[entity]]) : f.log_group]) :
          ["AWS/Logs", "IncomingBytes", "LogGroupName", group]
        ]
      }) },
    ],
  )]

  # The widgets for the entities of one dashboard.
  page_widgets = [for i, entities in local.pages :
    concat(flatten([for entity in entities : local.section_widgets[entity]]), local.cost_widgets[i])
  ]
  page_index_widgets = [for i, entities in local.pages : {
    type = "text", width = 24, height = 1, properties = { markdown = "Dashboard `${var.dashboard_name}-${i + 1}`: ${join(", ", entities)}" }
  } if local.is_paged]
}

resource "aws_cloudwatch_dashboard" "this" {
  count = var.dashboard ? 1 : 0

  dashboard_name = var.dashboard_name
  dashboard_body = jsonencode({
    start   = "-PT3H"
    widgets = concat(local.head_widgets, local.page_index_widgets, [for widget in local.page_widgets[0] : widget if !local.is_paged])
  })

  # Older resources, whose names do not contain the region, keep their names.
  lifecycle {
    ignore_changes = [dashboard_name]
  }
}

resource "aws_cloudwatch_dashboard" "entities" {
  for_each = { for i, widgets in local.page_widgets : i + 1 => widgets if var.dashboard && local.is_paged }

  dashboard_name = "${var.dashboard_name}-${each.key}"
  dashboard_body = jsonencode({ start = "-PT3H", widgets = each.value })
}
