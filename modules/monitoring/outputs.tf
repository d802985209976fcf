output "dashboard_url" {
  description = "Where the dashboard is in the console, or null without one."
  value = !var.dashboard ? null : join("", [
    "https://${var.scope.region}.${local.console_host}/cloudwatch/home?region=${var.scope.region}",
    "#dashboards/dashboard/${aws_cloudwatch_dashboard.this[0].dashboard_name}",
  ])

  # Nothing there before.
  depends_on = [aws_cloudwatch_dashboard.this]
}
