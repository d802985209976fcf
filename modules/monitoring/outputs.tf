output "dashboard_url" {
  description = "The dashboard's URL in the AWS console, or null without one."
  value = !var.dashboard ? null : join("", [
    "https://${var.scope.region}.${local.console_host}/cloudwatch/home?region=${var.scope.region}",
    "#dashboards/dashboard/${aws_cloudwatch_dashboard.this[0].dashboard_name}",
  ])

  # The URL is of no use before the dashboard exists.
  depends_on = [aws_cloudwatch_dashboard.this]
}

output "key_statements" {
  description = "The statements that the policy of an existing topic's key needs for alarms to publish; none for a new topic."
  value       = [for statement in [local.encrypt_statement] : statement if !local.creates_topic && var.alarms != null]
}

output "topic_statements" {
  description = "The statements that the policy of an existing topic needs for alarms to publish; none for a new topic."
  value       = [for statement in [local.publish_statement] : statement if !local.creates_topic && var.alarms != null]
}
