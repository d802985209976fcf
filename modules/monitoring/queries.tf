locals {
  # A query covers at most 50 log groups. With more functions, select others in the console.
  all_groups      = sort(concat(values(var.functions)[*].log_group, values(var.own_functions)[*].log_group, var.authorizer[*].log_group))
  function_groups = slice(local.all_groups, 0, min(49, length(local.all_groups)))
  worker_groups   = sort([for f in values(var.own_functions) : f.log_group if f.kind != "routes"])

  queries = merge(local.request_queries, { for groups in [local.worker_groups] : "jobs and changes" => {
    groups = slice(groups, 0, min(50, length(groups)))
    query  = <<-EOT
      filter ispresent(result)
      | stats count(*) as units, pct(durationMs, 50) as p50, max(durationMs) as longest, max(attempt) as attempts,
          latest(requestId) as example
        by function, result
      | sort units desc
    EOT
  } if length(groups) > 0 })

  request_queries = {
    "cold starts" = {
      groups = local.function_groups
      query  = <<-EOT
        filter @type = "REPORT"
        | stats count(*) as requests, count(@initDuration) as coldStarts, 100 * count(@initDuration) / count(*) as percent,
            pct(@initDuration, 50) as initP50, max(@initDuration) as initMax,
            max(@maxMemoryUsed) / 1000000 as usedMB, max(@memorySize) / 1000000 as ofMB
          by @log
        | sort coldStarts desc
      EOT
    }
    # The second line finds crashes and timeouts, which a function cannot log itself.
    "faults" = {
      groups = local.function_groups
      query  = <<-EOT
        filter status >= 500
          or @message like /Task timed out|Runtime exited|Runtime\.|signal: killed/
        | fields @timestamp, entity, operation, function, status, functionVersion, requestId, @message, @log
        | sort @timestamp desc
        | limit 100
      EOT
    }
    "one request" = {
      groups = concat(local.function_groups, [var.api.log_group])
      query  = <<-EOT
        filter requestId = "THE-ID" or lambdaRequestId = "THE-ID" or @requestId = "THE-ID"
        | fields @timestamp, @log, status, @message
        | sort @timestamp
      EOT
    }
    "refused requests" = {
      groups = [var.api.log_group]
      query  = <<-EOT
        filter status >= 400 and status < 500
        | stats count(*) as requests, count_distinct(ip) as addresses, latest(requestId) as example
        by status, error, method, resource
        | sort requests desc
        | limit 100
      EOT
    }
    "requests by caller" = {
      groups = local.function_groups
      query  = <<-EOT
        filter ispresent(durationMs)
        | fields coalesce(caller, sourceIp) as whoever, floor(status / 100) as class
        | stats count(*) as requests, sum(durationMs) / 1000 as seconds, sum(consumedCapacity) as capacityUnits by whoever, class
        | sort requests desc
        | limit 100
      EOT
    }
    "requests by status" = {
      groups = [var.api.log_group]
      query  = <<-EOT
        stats count(*) as requests, pct(responseLatency, 50) as p50, pct(responseLatency, 99) as p99, latest(requestId) as example
        by status, method, resource
        | sort requests desc
        | limit 100
      EOT
    }
    # If log_level suppresses a line, the metric document with Latency is still logged.
    "slow requests" = {
      groups = local.function_groups
      query  = <<-EOT
        fields coalesce(durationMs, Latency) as ms
        | filter ispresent(ms)
        | display @timestamp, entity, operation, function, status, ms, databaseRequests, consumedCapacity, coldStart, requestId
        | sort ms desc
        | limit 50
      EOT
    }
  }
}

# Saved queries cost nothing. Running one costs 0.005 dollars per GB that it reads.
resource "aws_cloudwatch_query_definition" "this" {
  for_each = local.queries

  # The slash creates a folder.
  name            = "${var.name}/${each.key}"
  log_group_names = each.value.groups
  query_string    = trimspace(each.value.query)
}
