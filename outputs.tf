# Written by `python -m tools.reference` from modules/service.

output "api_key_ids" {
  description = "Ids of the API keys, by name. A key's value: `aws apigateway get-api-key --include-value --api-key ID`."
  value       = module.service.api_key_ids
}

output "api_url" {
  description = "Where the API answers: at the domain, or inside the VPC of the first endpoint where private is."
  value       = module.service.api_url
}

output "authorizer_name" {
  description = "Name of the function that verifies tokens of the issuer in jwt, or null where no operation asks for one."
  value       = module.service.authorizer_name
}

output "dashboard_url" {
  description = "Where the dashboard is in AWS's console, or null without one."
  value       = module.service.dashboard_url
}

output "domain_target" {
  description = <<-EOT
    What DNS records of domain.name point to, or null without a domain: name, for a CNAME or an alias, and zone_id, which an alias of Route
    53 needs as well. With domain.zone_id the records are there already.
  EOT
  value       = module.service.domain_target
}

output "function_names" {
  description = "Names of the functions, by entity and operation."
  value       = module.service.function_names
}

output "function_role_arns" {
  description = "The functions' roles, by entity and operation."
  value       = module.service.function_role_arns
}

output "functions" {
  description = <<-EOT
    Functions of your own, by name: kind; name, what Lambda calls it; role_arn; queue_url of the jobs' queue and dead_letters_url of those
    that failed, or null; routes.
  EOT
  value       = module.service.functions
}

output "kms_key_arn" {
  description = "The customer key, made here or brought, or null where AWS's own keys encrypt."
  value       = module.service.kms_key_arn
}

output "kms_key_statements" {
  description = <<-EOT
    The statements that an existing key's policy needs (encryption.key_arn), for jsonencode. They depend on no key, so that the policy of a
    key that the same apply makes can have them.
  EOT
  value       = module.service.kms_key_statements
}

output "openapi_url" {
  description = "Where the API's OpenAPI document is, or null where docs is \"none\"."
  value       = module.service.openapi_url
}

output "own_code" {
  description = <<-EOT
    The own code that each function carries, by function: hooks, which include those of entities that they write, and the operations that
    your code in it may use, by entity.
  EOT
  value       = module.service.own_code
}

output "policy_statements" {
  description = <<-EOT
    What policies of yours have to say, as lists of statements: of log_bucket, of the topic of alarms.topic_arn, and of topic_key, the
    customer key of that topic where it has one. Nothing where you bring none.
  EOT
  value       = module.service.policy_statements
}

output "private_subnet_ids" {
  description = "The functions' subnets, one per zone where Trestle makes the VPC; none without a network."
  value       = module.service.private_subnet_ids
}

output "private_urls" {
  description = "Where the API answers, by VPC endpoint; none unless private is there."
  value       = module.service.private_urls
}

output "public_subnet_ids" {
  description = "The NAT gateways' subnets, one per zone; none without a network or in an existing VPC."
  value       = module.service.public_subnet_ids
}

output "security_group_ids" {
  description = <<-EOT
    Security groups, by what carries them: functions, the interface endpoints that Trestle makes (endpoints), functions with egress
    (egress), and in an existing VPC functions that call its interface endpoints (endpoint_clients).
  EOT
  value       = module.service.security_group_ids
}

output "sign_in_url" {
  description = "The domain where users sign in and clients get tokens (/oauth2/authorize, /oauth2/token), or null without one."
  value       = module.service.sign_in_url
}

output "table_names" {
  description = "Names of the tables, by entity."
  value       = module.service.table_names
}

output "usage_plan_ids" {
  description = "Ids of the usage plans, by name."
  value       = module.service.usage_plan_ids
}

output "user_pool_client_id" {
  description = "The client that apps sign users in with, or null where no pool is made."
  value       = module.service.user_pool_client_id
}

output "user_pool_id" {
  description = "The user pool that callers sign in to, or null where no operation asks for one."
  value       = module.service.user_pool_id
}

output "user_pool_machine_client_id" {
  description = <<-EOT
    The client of machines, or null without one; `aws cognito-idp describe-user-pool-client --user-pool-id ID --client-id ID` shows its
    secret.
  EOT
  value       = module.service.user_pool_machine_client_id
}

output "vpc_id" {
  description = "The VPC, or null without a network."
  value       = module.service.vpc_id
}

output "website_domain" {
  description = "What the DNS records of the web console's own names point to, or null without a console."
  value       = module.service.website_domain
}

output "website_url" {
  description = "Where the web console is, or null without one."
  value       = module.service.website_url
}
