output "key_ids" {
  description = "Ids of the keys, by name."
  value       = { for name, key in aws_api_gateway_api_key.this : name => key.id }
}

output "plan_ids" {
  description = "Ids of the plans, by name."
  value       = { for name, plan in aws_api_gateway_usage_plan.this : name => plan.id }
}
