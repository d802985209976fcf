output "api_key_ids" {
  description = "Ids of the API keys, by name. A key's value: `aws apigateway get-api-key --include-value --api-key ID`."
  value       = merge(module.access[*].key_ids...)
}

output "api_url" {
  description = "Where the API answers: at the domain, or inside the VPC of the first endpoint where private is."
  value       = local.api_url
}

output "authorizer_name" {
  description = "Name of the function that verifies tokens of the issuer in jwt, or null where no operation asks for one."
  value       = one([for f in module.authorizer : f.name])
}

output "dashboard_url" {
  description = "Where the dashboard is in AWS's console, or null without one."
  value       = module.monitoring.dashboard_url
}

output "domain_target" {
  description = <<-EOT
    What DNS records of domain.name point to, or null without a domain: name, for a CNAME or an alias, and zone_id, which an alias of Route
    53 needs as well. With domain.zone_id the records are there already.
  EOT
  value       = one(module.domain[*].target)
}

output "function_names" {
  description = "Names of the functions, by entity and operation."
  value = { for entity, e in local.entities :
    entity => { for operation in e.operations : operation => module.function[local.methods["${entity}.${operation}"].function].name }
  }
}

output "function_role_arns" {
  description = "The functions' roles, by entity and operation."
  value = { for entity, e in local.entities :
    entity => { for operation in e.operations : operation => module.function[local.methods["${entity}.${operation}"].function].role_arn }
  }
}

output "functions" {
  description = <<-EOT
    Functions of your own, by name: kind; name, what Lambda calls it; role_arn; queue_url of the jobs' queue and dead_letters_url of those
    that failed, or null; routes.
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
  description = "The customer key, made here or brought, or null where AWS's own keys encrypt."
  value       = local.kms_key_arn
}

output "kms_key_statements" {
  description = <<-EOT
    The statements that an existing key's policy needs (encryption.key_arn), for jsonencode. They depend on no key, so that the policy of a
    key that the same apply makes can have them.
  EOT
  value       = concat([module.key_policy.account], module.key_policy.services)
}

output "openapi_document" {
  description = "The API's OpenAPI document, as JSON."
  value       = module.openapi.document
}

output "openapi_url" {
  description = "Where the API's OpenAPI document is, or null where docs is \"none\"."
  value       = var.docs == "none" ? null : "${local.api_url}/${local.contract.platform.document}"
}

output "own_code" {
  description = <<-EOT
    The own code that each function carries, by function: hooks, which include those of entities that they write, and the operations that
    your code in it may use, by entity.
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
    What policies of yours have to say, as lists of statements: of log_bucket, of the topic of alarms.topic_arn, and of topic_key, the
    customer key of that topic where it has one. Nothing where you bring none.
  EOT
  value = {
    log_bucket = local.log_bucket_statements
    topic      = module.monitoring.topic_statements
    topic_key  = module.monitoring.key_statements
  }
}

output "private_subnet_ids" {
  description = "The functions' subnets, one per zone where Trestle makes the VPC; none without a network."
  value       = flatten(local.networks[*].subnet_ids)
}

output "private_urls" {
  description = "Where the API answers, by VPC endpoint; none unless private is there."
  value       = module.api.private_urls
}

output "public_subnet_ids" {
  description = "The NAT gateways' subnets, one per zone; none without a network or in an existing VPC."
  value       = flatten(module.network[*].public_subnet_ids)
}

output "security_group_ids" {
  description = <<-EOT
    Security groups, by what carries them: functions, the interface endpoints that Trestle makes (endpoints), functions with egress
    (egress), and in an existing VPC functions that call its interface endpoints (endpoint_clients).
  EOT
  value       = merge(local.networks[*].security_group_ids...)
}

output "sign_in_url" {
  description = "The domain where users sign in and clients get tokens (/oauth2/authorize, /oauth2/token), or null without one."
  value       = local.domain
}

output "table_names" {
  description = "Names of the tables, by entity."
  value       = { for entity, table in module.table : entity => table.name }
}

output "tools" {
  description = "What Trestle's tools read of the variables."
  value       = local.tools
}

output "usage_plan_ids" {
  description = "Ids of the usage plans, by name."
  value       = merge(module.access[*].plan_ids...)
}

output "user_pool_client_id" {
  description = "The client that apps sign users in with, or null where no pool is made."
  value       = one(module.access[*].client_id)
}

output "user_pool_id" {
  description = "The user pool that callers sign in to, or null where no operation asks for one."
  value = (
    !local.uses_cognito ? null :
    var.user_pool.arn == null ? one(module.access[*].user_pool_id) : split("/", var.user_pool.arn)[1]
  )
}

output "user_pool_machine_client_id" {
  description = <<-EOT
    The client of machines, or null without one; `aws cognito-idp describe-user-pool-client --user-pool-id ID --client-id ID` shows its
    secret.
  EOT
  value       = one(module.access[*].machine_client_id)
}

output "vpc_id" {
  description = "The VPC, or null without a network."
  value       = local.has_existing_network ? var.network.vpc_id : one(module.network[*].vpc_id)
}

output "website_domain" {
  description = "What the DNS records of the web console's own names point to, or null without a console."
  value       = one(module.website[*].domain_name)
}

output "website_url" {
  description = "Where the web console is, or null without one."
  value       = one(module.website[*].url)
}
