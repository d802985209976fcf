# Written by `python -m tools.reference` from modules/service.

output "api_key_ids" {
  description = "The ids of the API keys, by name. `aws apigateway get-api-key --include-value --api-key ID` shows a key's value."
  value       = module.service.api_key_ids
}

output "api_url" {
  description = "The API's URL. With private, it works only inside the VPC of the first endpoint."
  value       = module.service.api_url
}

output "authorizer_name" {
  description = "The name of the function that verifies tokens of the issuer in jwt, or null if no operation or route requires one."
  value       = module.service.authorizer_name
}

output "dashboard_url" {
  description = "The dashboard's URL in the AWS console, or null without a dashboard."
  value       = module.service.dashboard_url
}

output "domain_target" {
  description = <<-EOT
    The target of DNS records for domain.name, or null without a domain: name for a CNAME or an alias, and zone_id, which an alias in Route
    53 also needs. With domain.zone_id, Trestle creates the records.
  EOT
  value       = module.service.domain_target
}

output "function_names" {
  description = "The names of the functions, by entity and operation."
  value       = module.service.function_names
}

output "function_role_arns" {
  description = "The ARNs of the functions' roles, by entity and operation."
  value       = module.service.function_role_arns
}

output "functions" {
  description = <<-EOT
    Your own functions, by name: kind, name (in Lambda), role_arn, routes, queue_url for the queue of jobs, and dead_letters_url for the
    dead-letter queue. The URLs are null for functions without such a queue.
  EOT
  value       = module.service.functions
}

output "kms_key_arn" {
  description = "The ARN of the customer key, new or existing, or null if AWS's own keys encrypt."
  value       = module.service.kms_key_arn
}

output "kms_key_statements" {
  description = <<-EOT
    The statements that an existing key's policy needs (encryption.key_arn), for jsonencode. They do not depend on a key, so the policy of a
    key from the same apply can contain them.
  EOT
  value       = module.service.kms_key_statements
}

output "openapi_url" {
  description = "The URL of the API's OpenAPI document, or null with docs = \"none\"."
  value       = module.service.openapi_url
}

output "own_code" {
  description = <<-EOT
    Your own code in functions, by function: hooks, which include those of entities that they write, and uses, the operations that this code
    may use, by entity.
  EOT
  value       = module.service.own_code
}

output "policy_statements" {
  description = <<-EOT
    Statements for the policies of your existing resources: log_bucket for that bucket, topic for the topic in alarms.topic_arn, and
    topic_key for this topic's customer key, if it has one. A list is empty without the resource.
  EOT
  value       = module.service.policy_statements
}

output "private_subnet_ids" {
  description = "The ids of the functions' subnets: one per zone if Trestle creates the VPC, none without a network."
  value       = module.service.private_subnet_ids
}

output "private_urls" {
  description = "The API's URLs, by VPC endpoint; none without private."
  value       = module.service.private_urls
}

output "public_subnet_ids" {
  description = "The ids of the NAT gateways' subnets, one per zone; none without a network or in an existing VPC."
  value       = module.service.public_subnet_ids
}

output "security_group_ids" {
  description = <<-EOT
    The ids of the security groups: functions for all functions, endpoints for the interface endpoints that Trestle creates, egress for
    functions with egress, and endpoint_clients for functions that call the interface endpoints of an existing VPC.
  EOT
  value       = module.service.security_group_ids
}

output "sign_in_url" {
  description = "The domain where users sign in and clients get tokens (/oauth2/authorize, /oauth2/token), or null without one."
  value       = module.service.sign_in_url
}

output "table_names" {
  description = "The names of the tables, by entity."
  value       = module.service.table_names
}

output "usage_plan_ids" {
  description = "The ids of the usage plans, by name."
  value       = module.service.usage_plan_ids
}

output "user_pool_client_id" {
  description = "The id of the client with which apps sign users in, or null if Trestle creates no pool."
  value       = module.service.user_pool_client_id
}

output "user_pool_id" {
  description = "The id of the user pool to which callers sign in, or null if no operation or route requires one."
  value       = module.service.user_pool_id
}

output "user_pool_machine_client_id" {
  description = <<-EOT
    The id of the client for machines, or null without one. `aws cognito-idp describe-user-pool-client --user-pool-id ID --client-id ID`
    shows its secret.
  EOT
  value       = module.service.user_pool_machine_client_id
}

output "vpc_id" {
  description = "The VPC's id, or null without a network."
  value       = module.service.vpc_id
}

output "website_domain" {
  description = "The target of DNS records for website.aliases, or null without a web console."
  value       = module.service.website_domain
}

output "website_url" {
  description = "The web console's URL, or null without one."
  value       = module.service.website_url
}
