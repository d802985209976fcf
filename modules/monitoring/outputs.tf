output "dashboard_url" {
  description = "Where the dashboard is in the console, or null without one."
  value = !var.dashboard ? null : join("", [
    "https://${var.scope.region}.${local.console_host}/cloudwatch/home?region=${var.scope.region}",
    "#dashboards/dashboard/${aws_cloudwatch_dashboard.this[0].dashboard_name}",
  ])

  # Nothing there before.
  depends_on = [aws_cloudwatch_dashboard.this]
}

output "key_statements" {
  description = "What the policy of an existing topic's key needs, so that alarms can publish; none where the topic is made."
  value       = [for statement in [local.encrypt_statement] : statement if !local.creates_topic && var.alarms != null]
}

output "topic_statements" {
  description = "What the policy of an existing topic needs, so that alarms can publish; none where it is made."
  value       = [for statement in [local.publish_statement] : statement if !local.creates_topic && var.alarms != null]
}
