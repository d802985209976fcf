# The triggers of your own functions: the tables' streams, and queues, to which schedules and
# EventBridge rules send.

module "queue" {
  source   = "../queue"
  for_each = local.with_dead_letters

  attempts           = each.value.retries.attempts
  customer_key       = var.encryption.customer_key
  dead_letters       = each.value.dead_letters
  kms_key_arn        = local.kms_key_arn
  name               = each.value.queue_name
  retention          = local.queue_retention
  rule_arns          = [for name, arn in local.event_rule_arns : arn if name == each.key]
  scope              = local.scope
  tags               = local.tags
  visibility_timeout = 2 * each.value.timeout
}

# Each mapping invokes the alias, so releases and rollbacks apply to it. It is disabled if the
# function's reserved concurrency is 0: messages then wait in the queue. Otherwise Lambda would
# receive them until they count as failed.
resource "aws_lambda_event_source_mapping" "jobs" {
  for_each = local.consumers

  batch_size              = 1
  enabled                 = each.value.reserved_concurrency != 0
  event_source_arn        = module.queue[each.key].arn
  function_name           = "${local.own_function_arns[each.key]}:${module.own_function[each.key].alias}"
  function_response_types = ["ReportBatchItemFailures"]
  tags                    = local.tags

  # Without a limit, Lambda receives more messages than the function may process at once, and
  # throttled messages count as received. The minimum is 2.
  dynamic "scaling_config" {
    for_each = [for most in each.value.reserved_concurrency[*] : min(1000, max(2, most)) if most > 0]
    content {
      maximum_concurrency = scaling_config.value
    }
  }
}

resource "aws_lambda_event_source_mapping" "changes" {
  for_each = local.streams

  # The function itself sends a change that fails five times to the dead-letter queue, with its
  # data. These settings are for batches that crash the function or time out: Lambda halves them,
  # and sends only the position of a batch that still fails.
  batch_size                         = 100
  bisect_batch_on_function_error     = true
  enabled                            = local.own_functions[each.value.function].reserved_concurrency != 0
  event_source_arn                   = module.table[each.value.entity].stream_arn
  function_name                      = "${local.own_function_arns[each.value.function]}:${module.own_function[each.value.function].alias}"
  function_response_types            = ["ReportBatchItemFailures"]
  maximum_batching_window_in_seconds = 0
  maximum_retry_attempts             = 10
  starting_position                  = "LATEST"
  tags                               = local.tags

  destination_config {
    on_failure {
      destination_arn = module.queue[each.value.function].dead_letters_arn
    }
  }

  filter_criteria {
    dynamic "filter" {
      for_each = local.stream_filters[each.key]
      content {
        pattern = filter.value
      }
    }
  }
}

resource "aws_scheduler_schedule_group" "this" {
  count = length(local.scheduled) > 0 ? 1 : 0

  name = local.identifier
  tags = local.tags
}

resource "aws_iam_role" "schedule" {
  for_each = local.scheduled

  name                 = local.schedule_role_names[each.key]
  description          = "Sends a job to ${each.value.name} on schedule"
  permissions_boundary = var.permissions_boundary
  tags                 = local.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "scheduler.amazonaws.com" }
      Action    = "sts:AssumeRole"
      # Only schedules of this group may use the role.
      Condition = { StringEquals = {
        "aws:SourceAccount" = local.account
        "aws:SourceArn"     = "arn:${local.partition}:scheduler:${var.region}:${local.account}:schedule-group/${local.identifier}"
      } }
    }]
  })
}

resource "aws_iam_role_policy" "schedule" {
  for_each = local.scheduled

  name = "send"
  role = aws_iam_role.schedule[each.key].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "SendJobs"
      Effect   = "Allow"
      Action   = "sqs:SendMessage"
      Resource = [for queue in [each.value.queue_name, each.value.dead_letters] : "${local.sqs_arn}:${queue}"]
    }]
  })
}

# A separate policy, because the key's ARN is unknown until the key exists.
resource "aws_iam_role_policy" "schedule_key" {
  for_each = { for name, f in local.scheduled : name => f if var.encryption.customer_key }

  name = "key"
  role = aws_iam_role.schedule[each.key].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "UseKey"
      Effect   = "Allow"
      Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource = local.kms_key_arn
      Condition = { StringEquals = {
        "kms:ViaService" = [for service in ["scheduler", "sqs"] : "${service}.${var.region}.${local.dns_suffix}"]
      } }
    }]
  })
}

resource "aws_scheduler_schedule" "this" {
  for_each = local.scheduled

  name                         = each.key
  description                  = "Sends a job to ${each.value.name}"
  group_name                   = aws_scheduler_schedule_group.this[0].name
  kms_key_arn                  = local.kms_key_arn
  schedule_expression          = each.value.schedule
  schedule_expression_timezone = "UTC"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = module.queue[each.key].arn
    input    = local.schedule_input
    role_arn = aws_iam_role.schedule[each.key].arn

    dead_letter_config {
      arn = module.queue[each.key].dead_letters_arn
    }
  }

  depends_on = [aws_iam_role_policy.schedule, aws_iam_role_policy.schedule_key]
}

resource "aws_cloudwatch_event_rule" "this" {
  for_each = local.event_driven

  name           = each.value.name
  description    = "Sends events to ${each.value.name}"
  event_bus_name = each.value.event.bus
  event_pattern  = local.event_patterns[each.key]
  tags           = local.tags
}

resource "aws_cloudwatch_event_target" "this" {
  for_each = local.event_driven

  arn            = module.queue[each.key].arn
  event_bus_name = aws_cloudwatch_event_rule.this[each.key].event_bus_name
  rule           = aws_cloudwatch_event_rule.this[each.key].name
  target_id      = "queue"

  dead_letter_config {
    arn = module.queue[each.key].dead_letters_arn
  }
}
