data "aws_caller_identity" "current" {}

data "aws_default_tags" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

# Values from AWS and from other modules.
locals {
  contract_folder = "${path.module}/../../contract"

  partition  = data.aws_partition.current.partition
  account    = data.aws_caller_identity.current.account_id
  dns_suffix = data.aws_partition.current.dns_suffix
  # The parts of ARNs and service names. A plan shows full ARNs because they are composed of these.
  scope = {
    account_id = local.account
    dns_suffix = local.dns_suffix
    partition  = local.partition
    region     = var.region
  }

  # The new or existing VPC, if there is one. The list's length is known before the apply, as
  # for_each requires.
  networks = concat(
    [for network in module.network : {
      subnet_ids = network.private_subnet_ids, security_group_ids = network.security_group_ids
    }],
    [for network in module.existing_network : {
      subnet_ids = var.network.subnet_ids, security_group_ids = network.security_group_ids
    }],
  )
  # The security groups of your own functions, besides the group of all functions. The group
  # "egress" also reaches the endpoints.
  carried_groups = { for name, f in local.own_functions : name => (
    f.egress ? ["egress"] : local.has_existing_network && length(local.called_endpoints[name]) > 0 ? ["endpoint_clients"] : []
  ) }

  # The tags that the provider does not add itself. Null instead of an empty map, which some
  # resources treat differently.
  all_tags = merge(var.tags, { Environment = var.environment, ManagedBy = "terraform", Project = var.name })
  own_tags = { for name, value in local.all_tags : name => value if try(data.aws_default_tags.current.tags[name] != value, true) }
  tags     = length(local.own_tags) > 0 ? local.own_tags : null

  # Known only once the address works, so that resources that need the API wait for it.
  api_url = coalesce(one(module.domain[*].url), module.api.url)

  # Whether Trestle creates the alarms' topic, which the key encrypts.
  makes_topic = var.alarms == null ? false : var.alarms.topic_arn == null

  makes_key   = var.encryption.customer_key && var.encryption.key_arn == null
  kms_key_arn = var.encryption.key_arn == null ? one(module.encryption[*].key_arn) : var.encryption.key_arn

  # Names in IAM, S3, CloudFront and CloudWatch dashboards are unique across regions, so they
  # contain the region: a second region can then have the same system. Older resources keep their
  # names (see ignore_changes).
  regional_suffix = "${var.environment}-${var.region}"
  # A digest replaces the middle of a name that is too long. The policies of CI's roles match the
  # beginning and the end of names.
  role_names = { for key, f in merge(local.functions, local.own_functions, local.authorizer) : key => (
    length("${f.name}-${var.region}") <= 64 ? "${f.name}-${var.region}" :
    "${substr(f.name, 0, 56 - length(local.regional_suffix))}-${substr(sha256(f.name), 0, 6)}-${local.regional_suffix}"
  ) }
  schedule_role_names = { for name, f in local.scheduled : name => (
    length("${f.name}-schedule-${var.region}") <= 64 ? "${var.name}-${name}-schedule-${local.regional_suffix}" :
    "${substr(f.name, 0, 47 - length(local.regional_suffix))}-schedule-${substr(sha256(f.name), 0, 6)}-${local.regional_suffix}"
  ) }
  # Composed of the modules' outputs, so that resources that name a function wait for it.
  own_function_arns = { for name, f in module.own_function :
    name => "arn:${local.partition}:lambda:${var.region}:${local.account}:function:${f.name}"
  }
  buckets = { for kind in ["audit", "website"] : kind => (
    length("${var.name}-${kind}-${var.environment}-${local.account}-${var.region}") <= 63 ?
    "${var.name}-${kind}-${var.environment}-${local.account}-${var.region}" :
    "${var.name}-${kind}-${var.environment}-${substr(sha256("${local.account}-${var.region}"), 0, 12)}"
  ) }

  # The pattern also matches older buckets, whose names do not contain the region.
  log_bucket_statements = [for bucket in var.log_bucket[*] : {
    Sid       = "AccessLogs"
    Effect    = "Allow"
    Principal = { Service = "logging.s3.amazonaws.com" }
    Action    = "s3:PutObject"
    Resource = [for kind in local.logged_buckets :
      "arn:${local.partition}:s3:::${bucket}/s3/${var.name}-${kind}-${var.environment}-*"
    ]
    Condition = {
      ArnLike = { "aws:SourceArn" = [for kind in local.logged_buckets :
        "arn:${local.partition}:s3:::${var.name}-${kind}-${var.environment}-*"
      ] }
      StringEquals = { "aws:SourceAccount" = local.account }
    }
  } if length(local.logged_buckets) > 0]
  logged_buckets = concat(var.audit == null ? [] : ["audit"], var.website == null ? [] : ["website"])

  routes = merge({ for key, m in local.methods : key => {
    access   = m.access
    function = module.function[m.function].name
    method   = local.entity_operations[m.entity][m.operation].method
    # Only the function can validate a partial body, because the result depends on the stored item.
    model = lookup(
      { Body = local.model_names[m.entity], Patch = "Patch", Replacement = local.model_names[m.entity] },
      coalesce(local.entity_operations[m.entity][m.operation].body, "-"),
      "Empty"
    )
    parameters = concat(
      local.entity_operations[m.entity][m.operation].parameters,
      [for parameter in local.entity_operations[m.entity][m.operation].order_parameter[*] :
        parameter
        if length(local.entities[m.entity].indexes) > 0
      ],
      [for parameter in local.list_parameters[m.entity] : parameter if local.entity_operations[m.entity][m.operation].takes_filters],
    )
    path      = join("/", compact([local.entities[m.entity].path, local.entity_operations[m.entity][m.operation].path]))
    qualifier = module.function[m.function].alias
    scopes    = local.method_scopes[key]
    } }, { for route, m in local.own_methods : route => {
    access     = m.access
    function   = module.own_function[m.function].name
    method     = m.method
    model      = try(local.schema_model_names[m.body], "Empty")
    parameters = local.query_parameters[route]
    path       = m.path
    qualifier  = module.own_function[m.function].alias
    scopes     = local.method_scopes[route]
  } })

  models = merge(
    { Patch = jsonencode({ type = "object" }) },
    { for name, model in module.openapi.models : local.model_names[name] => model },
    { for file, name in local.schema_model_names : name => try(local.manifest.schemas[file].model, "{}") },
  )
}

# A warning only, because removing an entity also removes its functions, whose names stay in the
# file until the next release.
check "live_versions" {
  assert {
    condition = length(local.unknown_live_names) == 0
    error_message = join(" ", [
      "environments/${var.environment}.live.json names functions that do not exist: ${join(", ", local.unknown_live_names)}. The next",
      "`make release` removes them.",
    ])
  }
}

# The statements that an existing key's policy needs. They do not depend on a key, so the policy of
# a key from the same apply can contain them.
module "key_policy" {
  source = "../key-policy"

  alarms      = local.makes_topic
  environment = var.environment
  events      = length(local.event_driven) > 0
  name        = var.name
  scope       = local.scope
  trail       = var.audit == null ? null : local.trail
}

module "encryption" {
  source = "../encryption"
  # Terraform shows the next line if a plan does not know whether the ARN is null.
  count = local.makes_key ? 1 : 0 # If the same apply creates the key: key_arn = coalesce(aws_kms_key.NAME.arn).

  deletion_window_in_days = coalesce(var.encryption.deletion_window_in_days, 30)
  environment             = var.environment
  name                    = var.name
  scope                   = local.scope
  services                = module.key_policy.services
  tags                    = local.tags
}

module "network" {
  source = "../network"
  # Terraform shows the next line if a plan does not know whether the id is null.
  count = local.makes_network ? 1 : 0 # If the same apply creates the VPC: vpc_id = coalesce(aws_vpc.NAME.id).

  bucket_arns          = ["arn:${local.partition}:s3:::${var.name}-*-${var.environment}"]
  cidr                 = local.cidr
  endpoints            = local.endpoints
  kms_key_arn          = local.kms_key_arn
  log_retention_days   = var.log_retention_days
  name                 = "${var.name}-${var.environment}"
  nat                  = local.nat
  permissions_boundary = var.permissions_boundary
  private_subnets      = var.network.private_subnets
  public_subnets       = var.network.public_subnets
  role_name            = "${var.name}-flow-${local.regional_suffix}"
  scope                = local.scope
  statements           = flatten(values(local.own_functions)[*].statements)
  # The table actions of all operations, in all their variants, and of own code.
  table_actions = sort(distinct(flatten([for o in values(local.operations) : concat(
    o.actions, try(o.hook_actions, []), try(o.index_actions, []), try(o.own_code_actions, []), [for choices in values(try(o.variants, {})) :
      [for changes in values(choices) : try(changes.actions, [])]
    ]
  )])))
  table_arns = values(local.table_arns)
  tags       = local.tags
}

module "existing_network" {
  source = "../existing-network"
  count  = local.has_existing_network ? 1 : 0

  egress    = anytrue(values(local.own_functions)[*].egress)
  endpoints = anytrue([for services in values(local.called_endpoints) : length(services) > 0])
  name      = "${var.name}-${var.environment}"
  region    = var.region
  s3        = contains(flatten(values(local.called_services)), "s3")
  tags      = local.tags
  vpc_id    = var.network.vpc_id
}

module "table" {
  source   = "../table"
  for_each = local.entities

  customer_key        = var.encryption.customer_key
  deletion_protection = var.deletion_protection
  expiry              = { attribute = local.contract.items.expiry, enabled = each.value.ttl != null }
  indexes             = local.table_indexes[each.key]
  key                 = local.contract.items.key
  kms_key_arn         = local.kms_key_arn
  name                = each.value.table
  tags                = local.tags
}

module "function" {
  source   = "../function"
  for_each = local.functions

  canary = one([for version in [lookup(local.canary_versions, each.value.name, null)] :
    { version = version, weight = local.canary_percent / 100 }
    if version != null
  ])
  code_signing_config_arn = var.code_signing_config_arn
  customer_key            = var.encryption.customer_key
  description             = "${each.value.package} of ${each.value.entity}, ${var.environment}"
  # The table's name comes from the table, so that it is created before the function.
  environment = merge(
    local.function_environments[each.key],
    { TABLE_NAME = module.table[each.value.entity].name },
    length(local.used_entities[each.key]) == 0 ? {} : { ENTITIES = jsonencode({ for name, used in local.used_entities[each.key] :
      name => merge(used, { table = module.table[name].name })
    }) },
  )
  handler            = "${length(local.function_hooks[each.key]) > 0 ? "hooked" : "index"}.lambda_handler"
  kms_key_arn        = local.kms_key_arn
  live_version       = lookup(local.live_versions, each.value.name, null)
  log_retention_days = var.log_retention_days
  memory_size        = local.entities[each.value.entity].function.memory_size
  name               = each.value.name
  network = one([for network in local.networks :
    { subnet_ids = network.subnet_ids, security_group_ids = [network.security_group_ids.functions] }
  ])
  package              = "${var.project}/dist/${local.zips[each.key]}.zip"
  permissions_boundary = var.permissions_boundary
  reserved_concurrency = local.entities[each.value.entity].function.reserved_concurrency
  role_name            = local.role_names[each.key]
  runtime              = "python${local.contract.platform.runtime}"
  scope                = local.scope
  snap_start           = local.entities[each.value.entity].function.snap_start
  source_code_hash     = try(local.manifest.functions[local.zips[each.key]].source_code_hash, null)
  statements           = each.value.statements
  tags                 = local.tags
  timeout              = local.entities[each.value.entity].function.timeout
  uses_queues          = false
}

module "own_function" {
  source   = "../function"
  for_each = local.own_functions

  # Only functions with routes split their traffic. Functions with a queue or a stream have one
  # version at a time: during a release, the canary.
  canary = one([for version in [lookup(local.canary_versions, each.value.name, null)] :
    { version = version, weight = local.canary_percent / 100 }
    if version != null && each.value.kind == "routes"
  ])
  code_signing_config_arn = var.code_signing_config_arn
  customer_key            = var.encryption.customer_key
  description             = "${each.key} of your own, ${var.environment}"
  # The tables' names come from the tables, so that they are created before the function.
  environment = merge(
    local.own_function_environments[each.key],
    length(local.own_function_entities[each.key]) == 0 ? {} : { ENTITIES = jsonencode({
      for name, used in local.own_function_entities[each.key] : name => merge(used, { table = module.table[name].name })
    }) },
  )
  handler     = "index.lambda_handler"
  kms_key_arn = local.kms_key_arn
  live_version = lookup(
    each.value.kind == "routes" ? local.live_versions : merge(local.live_versions, local.canary_versions), each.value.name, null
  )
  log_retention_days = var.log_retention_days
  memory_size        = each.value.memory_size
  name               = each.value.name
  network = one([for network in local.networks :
    {
      subnet_ids = network.subnet_ids
      security_group_ids = concat(
        [network.security_group_ids.functions],
        [for carrier, id in network.security_group_ids : id if contains(local.carried_groups[each.key], carrier)],
      )
    }
  ])
  package              = "${var.project}/dist/${each.value.zip}.zip"
  permissions_boundary = var.permissions_boundary
  reserved_concurrency = each.value.reserved_concurrency
  role_name            = local.role_names[each.key]
  runtime              = "python${local.contract.platform.runtime}"
  scope                = local.scope
  snap_start           = false
  source_code_hash     = try(local.manifest.functions[each.value.zip].source_code_hash, null)
  statements           = concat(local.own_function_statements[each.key], try(local.trigger_statements[each.key], []))
  tags                 = local.tags
  timeout              = each.value.timeout
  # For its own jobs and dead letters, and for jobs that it sends.
  uses_queues = each.value.kind != "routes" || length(each.value.sends) > 0
}

# Outside the VPC, because it calls the issuer and no table.
module "authorizer" {
  source   = "../function"
  for_each = local.authorizer

  canary = one([for version in [lookup(local.canary_versions, each.value.name, null)] :
    { version = version, weight = local.canary_percent / 100 }
    if version != null
  ])
  code_signing_config_arn = var.code_signing_config_arn
  customer_key            = var.encryption.customer_key
  description             = "Verifies access tokens, ${var.environment}"
  environment             = each.value.environment
  handler                 = "index.lambda_handler"
  kms_key_arn             = local.kms_key_arn
  live_version            = lookup(local.live_versions, each.value.name, null)
  log_retention_days      = var.log_retention_days
  memory_size             = var.jwt.function.memory_size
  name                    = each.value.name
  network                 = null
  package                 = "${var.project}/dist/${each.value.zip}.zip"
  permissions_boundary    = var.permissions_boundary
  reserved_concurrency    = var.jwt.function.reserved_concurrency
  role_name               = local.role_names[each.key]
  runtime                 = "python${local.contract.platform.runtime}"
  scope                   = local.scope
  snap_start              = false
  source_code_hash        = try(local.manifest.functions[each.value.zip].source_code_hash, null)
  statements              = []
  tags                    = local.tags
  timeout                 = local.authorizer_timeout
  uses_queues             = false
}

module "openapi" {
  source = "../openapi"

  contract = {
    bounds     = local.contract.operations.bounds
    limits     = local.contract.limits
    properties = local.contract.items.properties
    schemas    = { for name, schema in local.contract.operations.schemas : name => jsonencode(schema) }
    statuses   = local.contract.problems.statuses
  }
  description = "The environment ${var.environment} of ${var.name}."
  entities = { for name, e in local.readable_entities : name => {
    bounds  = local.bounds[name]
    filters = { for filter, f in e.filters : filter => f.sort }
    ids     = e.ids
    operations = { for m in values(local.methods) : m.operation => merge(local.entity_operations[name][m.operation], {
      access = { group = m.group, kind = m.access, scope = m.scope }
      # The result of the hook `present`, and the properties that a caller may read, can change
      # without a write, so a GET that depends on them never returns 304.
      answers = { for status, answer in local.entity_operations[name][m.operation].answers : status => answer
        if status != "304" || !contains(local.entity_hooks[name], local.present) && !anytrue([for f in values(e.fields) : f.read != null])
      }
      may_refuse = length(local.operation_hooks[name][m.operation]) > 0
      # The statuses of the problems of this operation, of its access mode, and of every operation.
      problems = distinct([
        for kind in concat(
          local.entity_operations[name][m.operation].problems,
          local.field_problems[name][m.operation],
          local.contract.platform.access.modes[m.access].problems,
          local.contract.problems.always
        ) :
        tostring(local.contract.problems.kinds[kind].status)
      ])
    }) if m.entity == name }
    ordered      = length(local.entities[name].indexes) > 0
    owners       = local.entities[name].reads == "all"
    path         = local.entities[name].path
    reserved_ids = local.reserved_ids[name]
    shapes       = try(local.field_shapes[name], local.built_shapes[name])
  } if length(local.entities[name].operations) > 0 }
  info = {
    contact = merge({ name = var.name }, { for key, value in var.info.contact : key => value if value != null })
    license = var.info.license
  }
  routes = { for route, m in local.own_methods : route => {
    accepts     = m.accepts
    access      = { group = m.group, kind = m.access, scope = m.scope }
    answers     = { for status, schema in m.answers : status => local.schema_files[schema] }
    body        = try(local.schema_files[m.body], null)
    call        = m.call
    description = m.description
    function    = m.function
    method      = m.method
    path        = m.path
    problems = distinct([
      for kind in concat(
        ["invalid-request"],
        contains(["PATCH", "POST", "PUT"], m.method) ? ["content-too-large", "unsupported-media-type"] : [],
        m.body == null ? [] : ["invalid-item"],
        local.contract.platform.access.modes[m.access].problems,
        local.contract.problems.always
      ) :
      tostring(local.contract.problems.kinds[kind].status)
    ])
    query   = try(local.schema_files[m.query], null)
    summary = m.summary
  } }
  schemas = { for file, name in local.schema_files : name => {
    request  = try(local.manifest.schemas[file].request, "{}")
    response = try(local.manifest.schemas[file].response, "{}")
  } }
  sign_in = {
    app_scopes = { for scope in var.user_pool.app_scopes : "${local.identifier}/${scope}" => local.scopes[scope] }
    code       = length(var.user_pool.callback_urls) > 0 || var.website != null
    # A new pool has no address yet, and the OpenAPI document is part of the plan.
    discovery_url = var.user_pool.arn == null ? null : join("/", [
      "https://cognito-idp.${split(":", var.user_pool.arn)[3]}.${local.scope.dns_suffix}",
      "${split("/", var.user_pool.arn)[1]}",
      ".well-known/openid-configuration",
    ])
    domain         = local.domain
    machine        = var.user_pool.machine_client
    machine_scopes = { for scope, description in local.scopes : "${local.identifier}/${scope}" => description }
  }
  title        = var.name
  token_issuer = local.jwt_issuer == null ? null : { groups_claim = var.jwt.groups_claim, url = local.jwt_issuer }
}

module "api" {
  source = "../api"

  authorizer         = one([for f in module.authorizer : { function = f.name, qualifier = f.alias }])
  cors_origins       = var.cors_origins
  description        = "${var.name}, ${var.environment}"
  docs               = { access = var.docs, document = module.openapi.document, path = local.contract.platform.document }
  exposed_headers    = local.contract.platform.exposed_headers
  kms_key_arn        = local.kms_key_arn
  log_retention_days = var.log_retention_days
  models             = local.models
  name               = "${var.name}-${var.environment}"
  problems           = { gateway = local.contract.problems.gateway, kinds = local.contract.problems.kinds }
  request_headers = distinct(
    flatten([for o in values(local.operations) :
      [for parameter in o.parameters : trimprefix(parameter, "header.") if startswith(parameter, "header.")]
    ])
  )
  routes   = local.routes
  scope    = local.scope
  stage    = var.environment
  tags     = local.tags
  throttle = var.throttle
  # By index: module.access[*] would wait for the whole module, whose usage plans wait for this
  # stage.
  user_pool_arn   = local.creates_pool ? module.access[0].user_pool_arn : var.user_pool.arn
  validate_bodies = var.validate_bodies_at_gateway

  # With a domain, the default endpoint is disabled, because it would bypass the domain's mutual
  # TLS.
  disable_execute_api_endpoint = var.domain != null
  # Not with try(), which would make a set of endpoints from the same apply unknown as a whole.
  vpc_endpoint_ids = var.private == null ? null : var.private.vpc_endpoint_ids
}

module "domain" {
  source = "../domain"
  count  = var.domain == null ? 0 : 1

  api_id          = module.api.id
  certificate_arn = var.domain.certificate_arn
  name            = var.domain.name
  stage           = module.api.stage
  tags            = local.tags
  truststore = var.domain.truststore == null ? null : {
    ownership_certificate_arn = var.domain.ownership_certificate_arn
    uri                       = var.domain.truststore
    version                   = var.domain.truststore_version
  }
  zone_id = var.domain.zone_id
}

module "access" {
  source = "../access"
  # Terraform shows the next line if a plan does not know whether the ARN is null.
  count = local.has_api_keys || local.creates_pool ? 1 : 0 # If the same apply creates it: arn = coalesce(aws_cognito_user_pool.NAME.arn).

  api_id      = module.api.id
  environment = var.environment
  key_values  = var.api_key_values
  keys        = local.has_api_keys ? local.api_keys : {}
  name        = var.name
  plans       = local.has_api_keys ? var.usage_plans : {}
  stage       = module.api.stage
  tags        = local.tags
  user_pool = !local.creates_pool ? null : merge(var.user_pool, {
    deletion_protection = var.deletion_protection
    domain_prefix       = local.domain_prefix
    groups = setunion(
      var.user_pool.groups, compact([for m in values(local.api_methods) : m.group if m.access == "cognito"]), local.rule_groups
    )
    scopes = local.scopes
  })
  # By index, as above: the page depends on the client with which it signs users in.
  website_urls = var.website == null || !local.creates_pool ? [] : module.website[0].urls
}

module "website" {
  source = "../website"
  count  = var.website == null ? 0 : 1

  access_log = var.website.access_log
  aliases    = var.website.aliases
  # The domain's name if there is one, because the default endpoint is then disabled.
  api = var.domain != null ? { host = var.domain.name, path = "" } : {
    host = "${module.api.id}.execute-api.${var.region}.${local.scope.dns_suffix}", path = "/${var.environment}"
  }
  bucket          = local.buckets["website"]
  certificate_arn = var.website.certificate_arn
  config = jsonencode({
    api         = "/api"
    dashboard   = module.monitoring.dashboard_url
    environment = var.environment
    jwt         = local.console_client
    name        = var.name
    sign_in = (
      !local.creates_pool ?
      null :
      { client_id = module.access[0].client_id, domain = local.domain, scopes = module.access[0].app_scopes }
    )
  })
  # The distribution itself checks its callers' countries: the API's firewall would see only
  # CloudFront's addresses.
  countries           = var.waf == null ? [] : var.waf.countries
  distribution_header = one(module.firewall[*].distribution_header)
  log_bucket          = var.log_bucket
  name                = "${var.name}-website-${local.regional_suffix}"
  price_class         = var.website.price_class
  scope               = local.scope
  sign_in_origins     = compact([local.domain, try(regex("^https?://[^/]+", local.console_client.issuer), null)])
  source_folder       = "${path.module}/../../web"
  tags                = local.tags
  web_acl_arn         = var.website.web_acl_arn
}

module "firewall" {
  source = "../firewall"
  count  = var.waf == null ? 0 : 1

  console            = var.website != null
  countries          = var.waf.countries
  kms_key_arn        = local.kms_key_arn
  log_retention_days = var.log_retention_days
  name               = "${var.name}-${var.environment}"
  rate_limit         = var.waf.rate_limit
  tags               = local.tags
  web_acl_scope      = "REGIONAL"
}

# Here and not in modules/firewall, because checkov resolves modules' outputs only in their caller.
resource "aws_wafv2_web_acl_association" "api" {
  count = var.waf == null ? 0 : 1

  resource_arn = module.api.stage_arn
  web_acl_arn  = module.firewall[0].arn
}

module "monitoring" {
  source = "../monitoring"

  alarms = var.alarms
  api    = { log_group = module.api.log_group, name = module.api.name, stage = module.api.stage }
  authorizer = one([for key, f in local.authorizer : {
    log_group   = module.authorizer[key].log_group
    memory_size = var.jwt.function.memory_size
    name        = module.authorizer[key].name
    timeout     = local.authorizer_timeout
  }])
  budget         = var.budget
  budget_name    = "${var.name}-${local.regional_suffix}"
  dashboard      = var.dashboard
  dashboard_name = "${var.name}-${local.regional_suffix}"
  environment    = var.environment
  functions = { for key, f in local.functions : key => {
    entity      = f.entity
    label       = f.package
    log_group   = module.function[key].log_group
    memory_size = local.entities[f.entity].function.memory_size
    name        = module.function[key].name
    operations  = [for m in values(local.methods) : m.operation if m.function == key]
    timeout     = local.entities[f.entity].function.timeout
  } }
  kms_key_arn = local.kms_key_arn
  name        = local.identifier
  namespace   = local.metrics_namespace
  own_functions = { for name, f in local.own_functions : name => {
    dead_letters = f.dead_letters
    has_streams  = length(f.changes) > 0
    kind         = f.kind
    log_group    = module.own_function[name].log_group
    memory_size  = f.memory_size
    # The time for all attempts and the waits between them, plus the longest delay of a job.
    message_seconds = f.queue_name == null ? null : 900 + local.job_times[name]
    name            = module.own_function[name].name
    queue           = f.queue_name
    timeout         = f.timeout
  } }
  project = var.name
  scope   = local.scope
  tables = { for entity, e in local.entities : entity => {
    actions = sort(
      distinct(flatten([for rights in values(local.rights) : [for table, used in rights : concat(used.actions, used.index_actions)
        if table == entity
      ]]))
    )
    indexes = keys(local.table_indexes[entity])
    name    = module.table[entity].name
  } }
  tags  = local.tags
  topic = "${var.name}-alarms-${var.environment}"
}

module "audit" {
  source = "../audit"
  count  = var.audit == null ? 0 : 1

  bucket              = local.buckets["audit"]
  deletion_protection = var.deletion_protection
  kms_key_arn         = local.kms_key_arn
  log_bucket          = var.log_bucket
  retention_years     = var.audit.retention_years
  scope               = local.scope
  table_arns          = values(local.table_arns)
  tags                = local.tags
  trail               = local.trail
}

module "backup" {
  source = "../backup"
  count  = var.backup == null ? 0 : 1

  daily_days           = var.backup.daily_days
  deletion_protection  = var.deletion_protection
  environment          = var.environment
  kms_key_arn          = local.kms_key_arn
  monthly_days         = var.backup.monthly_days
  name                 = var.name
  permissions_boundary = var.permissions_boundary
  scope                = local.scope
  table_arns           = values(local.table_arns)
  tags                 = local.tags
}
