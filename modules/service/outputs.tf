output "api_key_ids" {
  description = "The ids of the API keys, by name. `aws apigateway get-api-key --include-value --api-key ID` shows a key's value."
  value       = merge(module.access[*].key_ids...)
}

output "api_url" {
  description = "The API's URL. With private, it works only inside the VPC of the first endpoint."
  value       = local.api_url
}

output "authorizer_name" {
  description = "The name of the function that verifies tokens of the issuer in jwt, or null if no operation or route requires one."
  value       = one([for f in module.authorizer : f.name])
}

output "dashboard_url" {
  description = "The dashboard's URL in the AWS console, or null without a dashboard."
  value       = module.monitoring.dashboard_url
}

output "domain_target" {
  description = <<-EOT
    The target of DNS records for domain.name, or null without a domain: name for a CNAME or an alias, and zone_id, which an alias in Route
    53 also needs. With domain.zone_id, Trestle creates the records.
  EOT
  value       = one(module.domain[*].target)
}

output "function_names" {
  description = "The names of the functions, by entity and operation."
  value = { for entity, e in local.entities :
    entity => { for operation in e.operations : operation => module.function[local.methods["${entity}.${operation}"].function].name }
  }
}

output "function_role_arns" {
  description = "The ARNs of the functions' roles, by entity and operation."
  value = { for entity, e in local.entities :
    entity => { for operation in e.operations : operation => module.function[local.methods["${entity}.${operation}"].function].role_arn }
  }
}

output "functions" {
  description = <<-EOT
    Your own functions, by name: kind, name (in Lambda), role_arn, routes, queue_url for the queue of jobs, and dead_letters_url for the
    dead-letter queue. The URLs are null for functions without such a queue.
  EOT
  value = { for name, f in local.own_functions : name => {
    dead_letters_url = lookup(local.dead_letter_urls, name, null)
    kind             = f.kind
    name             = module.own_function[name].name
    queue_url        = lookup(local.queue_urls, name, null)
    role_arn         = module.own_function[name].role_arn
    routes           = sort(keys(f.routes))
  } }
}

output "kms_key_arn" {
  description = "The ARN of the customer key, new or existing, or null if AWS's own keys encrypt."
  value       = local.kms_key_arn
}

output "kms_key_statements" {
  description = <<-EOT
    The statements that an existing key's policy needs (encryption.key_arn), for jsonencode. They do not depend on a key, so the policy of a
    key from the same apply can contain them.
  EOT
  value       = concat([module.key_policy.account], module.key_policy.services)
}

output "openapi_document" {
  description = "The API's OpenAPI document, as JSON."
  value       = module.openapi.document
}

output "openapi_url" {
  description = "The URL of the API's OpenAPI document, or null with docs = \"none\"."
  value       = var.docs == "none" ? null : "${local.api_url}/${local.contract.platform.document}"
}

output "own_code" {
  description = <<-EOT
    Your own code in functions, by function: hooks, which include those of entities that they write, and uses, the operations that this code
    may use, by entity.
  EOT
  value = merge(
    { for key, f in local.functions :
      f.name => { hooks = local.function_hooks_all[key], uses = local.function_uses[key] }
      if length(local.function_hooks_all[key]) > 0
    },
    { for key, f in local.own_functions : f.name => { hooks = local.own_function_hooks[key], uses = local.own_function_uses[key] } },
  )
}

output "policy_statements" {
  description = <<-EOT
    Statements for the policies of your existing resources: log_bucket for that bucket, topic for the topic in alarms.topic_arn, and
    topic_key for this topic's customer key, if it has one. A list is empty without the resource.
  EOT
  value = {
    log_bucket = local.log_bucket_statements
    topic      = module.monitoring.topic_statements
    topic_key  = module.monitoring.key_statements
  }
}

output "private_subnet_ids" {
  description = "The ids of the functions' subnets: one per zone if Trestle creates the VPC, none without a network."
  value       = flatten(local.networks[*].subnet_ids)
}

output "private_urls" {
  description = "The API's URLs, by VPC endpoint; none without private."
  value       = module.api.private_urls
}

output "public_subnet_ids" {
  description = "The ids of the NAT gateways' subnets, one per zone; none without a network or in an existing VPC."
  value       = flatten(module.network[*].public_subnet_ids)
}

output "security_group_ids" {
  description = <<-EOT
    The ids of the security groups: functions for all functions, endpoints for the interface endpoints that Trestle creates, egress for
    functions with egress, and endpoint_clients for functions that call the interface endpoints of an existing VPC.
  EOT
  value       = merge(local.networks[*].security_group_ids...)
}

output "sign_in_url" {
  description = "The domain where users sign in and clients get tokens (/oauth2/authorize, /oauth2/token), or null without one."
  value       = local.domain
}

output "table_names" {
  description = "The names of the tables, by entity."
  value       = { for entity, table in module.table : entity => table.name }
}

output "tools" {
  description = "The values that Trestle's tools read."
  value       = local.tools
}

output "usage_plan_ids" {
  description = "The ids of the usage plans, by name."
  value       = merge(module.access[*].plan_ids...)
}

output "user_pool_client_id" {
  description = "The id of the client with which apps sign users in, or null if Trestle creates no pool."
  value       = one(module.access[*].client_id)
}

output "user_pool_id" {
  description = "The id of the user pool to which callers sign in, or null if no operation or route requires one."
  value = (
    !local.uses_cognito ? null :
    var.user_pool.arn == null ? one(module.access[*].user_pool_id) : split("/", var.user_pool.arn)[1]
  )
}

output "user_pool_machine_client_id" {
  description = <<-EOT
    The id of the client for machines, or null without one. `aws cognito-idp describe-user-pool-client --user-pool-id ID --client-id ID`
    shows its secret.
  EOT
  value       = one(module.access[*].machine_client_id)
}

output "vpc_id" {
  description = "The VPC's id, or null without a network."
  value       = local.has_existing_network ? var.network.vpc_id : one(module.network[*].vpc_id)
}

output "website_domain" {
  description = "The target of DNS records for website.aliases, or null without a web console."
  value       = one(module.website[*].domain_name)
}

output "website_url" {
  description = "The web console's URL, or null without one."
  value       = one(module.website[*].url)
}
