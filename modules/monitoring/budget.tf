# Budgets are per account, not per region. Both tags have to match, as in Cost Explorer.
resource "aws_budgets_budget" "this" {
  count = var.budget == null ? 0 : 1

  name         = var.budget_name
  budget_type  = "COST"
  limit_amount = format("%.2f", var.budget.monthly)
  limit_unit   = "USD"
  tags         = var.tags
  time_unit    = "MONTHLY"

  cost_filter {
    name   = "TagKeyValue"
    values = [format("user:Environment$%s", var.environment), format("user:Project$%s", var.project)]
  }

  dynamic "notification" {
    for_each = [{ percent = 80, type = "ACTUAL" }, { percent = 100, type = "ACTUAL" }, { percent = 100, type = "FORECASTED" }]
    content {
      comparison_operator        = "GREATER_THAN"
      notification_type          = notification.value.type
      subscriber_email_addresses = var.budget.emails
      threshold                  = notification.value.percent
      threshold_type             = "PERCENTAGE"
    }
  }
}
