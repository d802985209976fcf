output "app_scopes" {
  description = "The scopes that the apps' client may request at the domain."
  value       = local.app_scopes
}

output "client_id" {
  description = "The id of the apps' client, or null without a pool."
  value       = one(aws_cognito_user_pool_client.app[*].id)
}

output "key_ids" {
  description = "The ids of the keys, by name."
  value       = { for name, key in aws_api_gateway_api_key.this : name => key.id }
}

output "machine_client_id" {
  description = "The id of the client for machines, or null without one."
  value       = one(aws_cognito_user_pool_client.machine[*].id)
}

output "plan_ids" {
  description = "The ids of the plans, by name."
  value       = { for name, plan in aws_api_gateway_usage_plan.this : name => plan.id }
}

output "user_pool_arn" {
  description = "The pool's ARN, or null without one."
  value       = one(aws_cognito_user_pool.this[*].arn)
}

output "user_pool_id" {
  description = "The pool's id, or null without one."
  value       = one(aws_cognito_user_pool.this[*].id)
}
