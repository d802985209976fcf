# Values derived from variables only. `make validate` tests the validations with this file, without
# a provider.
locals {
  # The gateway passes the groups of a user pool's token to the function as one string, so their
  # names must not contain its separators.
  access_pattern = join("|", [
    "^(?:${join("|", keys(local.contract.platform.access.modes))}",
    "cognito:group=[A-Za-z0-9_.-]{1,128}",
    "cognito:scope=(?:[A-Za-z0-9_.:/-]{1,127}/)?[A-Za-z0-9_.-]{1,128}",
    "jwt:group=${local.group_pattern}",
    "jwt:scope=${local.scope_pattern})$",
  ])
  # Groups and scopes of any issuer's tokens. https://datatracker.ietf.org/doc/html/rfc6749#section-3.3
  group_pattern = "[^\\p{C}\\p{Z}](?:(?:[^\\p{C}\\p{Z}]| ){0,126}[^\\p{C}\\p{Z}])?"
  scope_pattern = "[!#-\\[\\]-~]{1,256}"
  # The remedy for an invalid access mode: for one that begins with jwt, and for others.
  access_advice = {
    jwt = join(" ", [
      "Write \"jwt\", \"jwt:group=NAME\" or \"jwt:scope=NAME\". A group has 1 to 128 characters, and no space at its start or end; a scope",
      "has 1 to 256 characters without spaces, quotation marks and backslashes.",
    ])
    others = join(" ", [
      "Write \"open\", \"api_key\", \"iam\", \"cognito\", \"cognito:group=NAME\" or \"cognito:scope=NAME\", or jwt in place of cognito.",
      "Names for cognito have letters, digits and . _ -, and another API's scope begins with its identifier and /.",
    ])
  }

  # What each value of access requires of a caller: the mode, and the token's group or scope.
  # Cognito's tokens prefix a scope with its API; other tokens contain it unchanged.
  access_modes = { for access in distinct(compact(concat(
    [local.default_access],
    flatten([for e in values(var.entities) : try(values(e.access), [])]),
    flatten([for f in values(var.functions) : try(values(f.routes)[*].access, [])]),
    ))) : access => {
    access = split(":", access)[0]
    group  = try(regex("^(?:cognito|jwt):group=(.*)$", access)[0], null)
    scope = try(
      regex("^jwt:scope=(.*)$", access)[0], regex("^cognito:scope=(.*/.*)$", access)[0],
      "${local.identifier}/${regex("^cognito:scope=(.*)$", access)[0]}", null
    )
  } }
  # The modes whose tokens identify a user or a machine.
  token_modes = [for mode, m in local.contract.platform.access.modes : mode if try(m.token, false)]

  # Rules about the items of other owners, and about single properties. The last pattern has scopes
  # that every user's token may have, so they must not grant anything.
  member_pattern       = "^(?:group=${local.group_pattern}|scope=${local.scope_pattern})$"
  field_pattern        = "^(?:owner|nobody|group=${local.group_pattern}|scope=${local.scope_pattern})$"
  common_scope_pattern = "^scope=(?:openid|profile|email|phone|address|offline_access|aws[.]cognito[.]signin[.]user[.]admin)$"

  # contract/README.md describes these files.
  contract = { for name in ["items", "limits", "network", "operations", "platform", "problems"] :
    name => jsondecode(file("${local.contract_folder}/${name}.json"))
  }
  all_operations  = toset(keys(local.operations))
  bound_operators = keys(local.contract.operations.bounds)
  default_access  = local.contract.platform.access.default
  operations      = local.contract.operations.operations

  # How messages call characters that a name must not contain. They quote other characters.
  character_names = merge({ for capital in split("", "ABCDEFGHIJKLMNOPQRSTUVWXYZ") : capital => "the capital letter ${capital}" }, {
    " " = "a space", "\t" = "a tab", "\n" = "a line break", "\"" = "a quotation mark", "." = "a dot",
    "," = "a comma", ":" = "a colon", "/" = "a slash", "_" = "an underscore"
  })

  # Addresses that a VPC cannot have: https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html
  reserved_cidr = "^(?:0|127|22[4-9]|2[3-5][0-9]|169\\.254)\\."

  # Whether the VPC is an existing one. One of the two attributes is enough, since the other may be
  # unknown before an apply. A list's elements may be unknown as well, but its length is known.
  has_existing_network = anytrue([for network in var.network[*] : anytrue([network.vpc_id != null, network.subnet_ids != null])])
  makes_network        = var.network == null ? false : !local.has_existing_network

  # Attributes of a VPC that Trestle creates. The variable has no defaults for them, so that a
  # validation can refuse one beside vpc_id.
  cidr      = try(coalesce(var.network.cidr), "10.0.0.0/16")
  endpoints = try(coalesce(var.network.endpoints), toset([]))
  nat       = try(coalesce(var.network.nat), "none")

  # The country codes that AWS WAF accepts: those of ISO 3166, and XK for Kosovo.
  countries = split(" ", join(" ", [
    join(" ", [
      "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI",
      "CK CL CM",
    ]),
    join(" ", [
      "CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT",
      "GU GW GY",
    ]),
    join(" ", [
      "HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC",
      "MD ME MF",
    ]),
    join(" ", [
      "MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW",
      "PY QA RE",
    ]),
    join(" ", [
      "RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM",
      "US UY UZ",
    ]),
    "VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW",
  ]))

  # The ARN of an ACM certificate in a region, and a DNS name.
  certificate_pattern = "^arn:[a-z-]+:acm:REGION:[0-9]{12}:certificate/[a-f0-9-]+$"
  domain_pattern      = "^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])$"

  # Words begin with a letter, so that names of models, which join them without hyphens, stay unique.
  entity_pattern = "^[a-z][a-z0-9]*(?:-[a-z][a-z0-9]*)*$"

  function_bounds = { memory_size = [128, 10240], reserved_concurrency = [0, 1000000], timeout = [1, 900] }

  # Names of keys, plans, groups and scopes.
  label_pattern = "^[A-Za-z0-9_.-]{1,128}$"

  # The parameters of every list. A filter cannot have their names.
  list_parameter_names = sort(distinct(flatten([for o in values(local.operations) :
    [for parameter in concat(o.parameters, compact([try(o.order_parameter, "")])) :
      trimprefix(parameter, "querystring.")
      if startswith(parameter, "querystring.")
    ]
    if try(o.takes_filters, false)
  ])))

  # The form of name and environment, and the prefixes that name must not have, since names of
  # buckets and security groups begin with it.
  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
  name_pattern  = "^[a-z][a-z0-9-]*[a-z0-9]$"
  reserved_name = "^(?:(?:sthree|amzn-s3-demo|sg)(?:-|$)|xn--)"

  # Null if build.py has not run; terraform_data.build then stops the plan.
  manifest = try(jsondecode(file("${var.project}/dist/manifest.json")), null)

  # An email address.
  address_pattern = "[^@<>\\s]+@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?[.])+[A-Za-z]{2,63}"

  port_pattern = "6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3}"

  # An origin as browsers send it, with a host name or an IPv4 address. The second pattern finds a
  # default port, which browsers omit.
  origin_pattern = join("", [
    "^https?://(?:(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\\.)*(?:[a-z_]|[0-9][0-9-]*[a-wyz_])(?:[a-z0-9_-]*[a-z0-9_])?",
    "|(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(?:\\.(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])){3}))",
    "(?::(?:${local.port_pattern}))?$",
  ])
  origin_default_port = "^http://[^:]*:80$|^https://[^:]*:443$"

  # The owner of items: the subject of a token, or one of its claims, whose name may be a URL.
  owner_pattern = "^(?:sub|claim:[!-~]{1,128})$"

  # An entity's path, and paths that it cannot have: dot segments, which clients resolve, the OpenAPI document's path, and
  # https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
  path_pattern  = "^/?[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+){0,3}$"
  reserved_path = "(?:^|/)[.][.]?(?:/|$)|${local.document_path}|^/?(?:${join("|", local.health_paths)})(?:/|$)"
  # Paths that API Gateway itself serves, at a custom domain as well.
  health_paths  = ["ping", "sping"]
  document_path = "^/?${replace(local.contract.platform.document, ".", "[.]")}$"

  # An issuer as its tokens name it, and the name or the value of a claim.
  issuer_pattern = "^https://[A-Za-z0-9.-]+(?::(?:${local.port_pattern}))?(?:/[^\\s?#\"]*)?$"
  claim_pattern  = "^[^\\p{C}\\p{Z}]{1,256}$"

  # Names of modules in app/.
  module_pattern = "^[a-z_][a-z0-9_]{0,39}$"

  # Operations that only read.
  reading_operations = toset([for name, o in local.operations : name if o.workload != "writes"])

  # Names of AWS services, as in names of endpoints: com.amazonaws.REGION.SERVICE.
  service_pattern = "^[a-z0-9]+(?:[.-][a-z0-9]+)*$"

  # The characters that every service accepts in tags, for a pattern.
  tag_characters = "\\p{L}\\p{Z}\\p{N}_.:/=+\\-@"

  url_pattern = "^https?://[^\\s/?#]+[^\\s]*$"

  # The definitions of operations, with the variants that each entity's attributes select: `forms`
  # has all operations, which own code may use, and `entity_operations` those of the API.
  forms = { for name, e in local.entities : name => { for operation, form in local.operations : operation => merge(
    { body = null, index_actions = [], order_parameter = null, plural = false, takes_filters = false },
    { hook = null, hook_actions = [], id_index_actions = [], own_code_actions = [] },
    form,
    [for attribute, choices in try(form.variants, {}) : try(choices[e[attribute]], {})]...
  ) } }
  entity_operations = { for name, e in local.entities : name => {
    for operation in e.operations : operation => local.forms[name][operation]
  } }

  # Names of properties in the names of indexes and their keys. DynamoDB accepts letters, digits and
  # . _ - in up to 255 characters. The bytes of other characters are escaped as in a URL, but with a
  # dot; a digest replaces a long name. trestle.store.derived does the same.
  escaped_properties = { for property in distinct(flatten([for e in values(var.entities) : [keys(e.filters), values(e.filters)[*].sort]])) :
    property => replace(replace(replace(replace(urlencode(property), ".", "%2E"), "~", "%7E"), "+", "%20"), "%", ".")
  }
  key_names = { for property, escaped in local.escaped_properties :
    property => length(escaped) <= local.contract.items.filter_index.max_name ? escaped : "..${sha256(property)}"
  }

  filter_index = local.contract.items.filter_index

  entities = { for name, e in var.entities : name => merge(e, {
    # One index per filter. Numbers must sort as numbers. The key's name contains the type, because
    # the provider compares only names: it would keep an index with string keys, which cannot
    # contain numbers. createdAt is a string that the server sets.
    filters = { for filter, f in e.filters : filter => merge({
      index = "${local.filter_index.prefix}${local.key_names[filter]}"
      sort  = f.sort
      }, f.sort == local.filter_index.default_range ? { number = false, range = f.sort } :
      contains(["integer", "number"], try(local.properties[name][f.sort].type, "")) ?
      { number = true, range = "${local.filter_index.range_prefixes.N}${local.key_names[f.sort]}" } :
      { number = false, range = "${local.filter_index.range_prefixes.S}${local.key_names[f.sort]}" }
    ) }
    indexes = concat(
      [for index in [local.contract.items.list_index.name] : index if e.list == index],
      [for filter in keys(e.filters) : "${local.filter_index.prefix}${local.key_names[filter]}"],
    )
    operations = coalesce(e.operations, local.all_operations)
    # Whether requests may name an owner, and whether some callers may read or write the items of
    # all owners.
    owner_parameter = e.sees_all == null && e.acts_for == null ? "none" : "taken"
    reads           = e.sees_all == null ? "own" : "all"
    writes          = e.acts_for == null ? "own" : "all"

    path = trim(coalesce(e.path, name), "/")
    # Whether some clients cannot read or write some properties. build.py finds readOnly properties
    # at any depth.
    read_only = can(local.manifest.schemas[e.schema].read_only) || length(e.fields) > 0 ? "kept" : "none"
    table     = "${var.name}-${name}-${var.environment}"
  }) }

  # The indexes of each entity's table: the list's, one for each filter, and those that find the
  # items of other owners.
  table_indexes = { for name, e in local.entities : name => merge(
    { for index in [local.contract.items.list_index] : index.name => {
      hash_key = index.hash, range_key = index.range, range_type = local.contract.items.attributes[index.range], projection = "ALL"
    } if contains(e.indexes, index.name) },
    { for filter in values(e.filters) : filter.index => {
      hash_key = filter.index, range_key = filter.range, range_type = filter.number ? "N" : "S", projection = "ALL"
    } },
    { for index in concat(
      [for index in [local.contract.items.everyone_index] : index if e.reads == "all"],
      [for index in [local.contract.items.id_index] : index if e.owner_parameter == "taken"],
      ) : index.name => {
      hash_key   = index.hash, range_key = index.range, range_type = local.contract.items.attributes[index.range]
      projection = index.projection
    } },
  ) }

  # The bounds that a list accepts, such as "dueDate.gte", for the sort properties of its filters.
  bounds = { for name, e in local.entities : name => flatten([for sort, numbers in { for f in values(e.filters) : f.sort => f.number... } :
    [for operator in local.bound_operators :
      { name = "${sort}.${operator}", operator = operator, sort = sort }
      if operator != "prefix" || !numbers[0]
    ]
  ]) }
  # The parameters that API Gateway allows an API to declare. It also passes on other parameters.
  list_parameters = { for name, e in local.entities : name => [
    for parameter in concat(keys(e.filters), local.bounds[name][*].name) : "querystring.${parameter}"
    if can(regex("^[A-Za-z0-9._-]+$", parameter))
  ] }

  table_arns = { for name, e in local.entities :
    name => "arn:${local.partition}:dynamodb:${var.region}:${local.account}:table/${e.table}"
  }

  # Ids that a client must not choose, because another collection, an operation, a route or the
  # OpenAPI document is at their path.
  reserved_ids = { for name, e in local.entities : name => e.ids != "client" ? [] : distinct([
    for path in concat(
      [for other in values(local.entities) : other.path if length(other.operations) > 0],
      [for call in values(local.entity_operations[name]) : join("/", compact([e.path, call.path])) if !strcontains(call.path, "{")],
      [for document in [local.contract.platform.document] : document if var.docs != "none"],
      values(local.own_methods)[*].path,
      local.health_paths,
    ) :
    split("/", trimprefix(path, e.path == "" ? "" : "${e.path}/"))[0] if path != e.path &&
    startswith(path, e.path == "" ? "" : "${e.path}/") && !startswith(trimprefix(path, e.path == "" ? "" : "${e.path}/"), "{")
  ]) }

  # Rules in the form that functions compare with the caller's token. A user pool's tokens prefix a
  # scope with its API.
  token_rules = { for rule in distinct(compact(flatten([for e in values(var.entities) : concat(
    [e.sees_all, e.acts_for], flatten([for f in values(e.fields) : [f.read, f.write]])
    )]))) : rule => startswith(rule, "scope=") ? format("scope=%s", join(" ", distinct(concat(
    !local.uses_cognito ? [] : [for scope in [trimprefix(rule, "scope=")] :
      strcontains(scope, "/") ? scope : "${local.identifier}/${scope}"
    ],
    length(local.jwt_methods) == 0 ? [] : [trimprefix(rule, "scope=")],
  )))) : rule }
  # The rules for properties.
  field_rules = { for name, e in var.entities : name => { for property, f in e.fields : property => {
    for kind, rule in { read = f.read, write = f.write } : kind => local.token_rules[rule] if rule != null
  } } }

  # The settings of each entity. A function gets only those that its operations read.
  settings = { for name, e in local.entities : name => {
    acts_for = try(local.token_rules[e.acts_for], null)
    fields   = length(e.fields) == 0 ? null : local.field_rules[name]
    filters = length(e.filters) == 0 ? null : { for filter, f in e.filters :
      filter => { for k, sort in { sort = f.sort } : k => sort if sort != local.filter_index.default_range }
    }
    ids          = e.ids
    list         = e.list
    owner        = e.owner
    put          = e.put
    reserved_ids = local.reserved_ids[name]
    schema       = try(trimsuffix(basename(e.schema), ".json"), null)
    sees_all     = try(local.token_rules[e.sees_all], null)
    ttl          = e.ttl
  } }
  # The names of the settings that each operation reads. With the schema, a function validates the
  # values of filters.
  operation_settings = { for name, forms in local.forms : name => { for operation, form in forms :
    operation => concat(
      ["acts_for", "owner", "sees_all"], form.settings,
      form.takes_filters && length(local.entities[name].filters) > 0 ? ["schema"] : [],
    )
  } }

  # The functions: one per entity and operation ("entity.operation"), or one for all operations of
  # an entity ("entity.entity").
  functions = merge([for entity, e in local.entities : {
    for package, operations in { for o in e.operations : (e.functions == "per_entity" ? "entity" : o) => o... } :
    "${entity}.${package}" => {
      entity  = entity
      name    = "${var.name}-${entity}-${package}-${var.environment}"
      package = package
      settings = { for setting, value in merge(local.settings[entity], {
        # Functions check groups, which the gateway cannot check, and that the caller is signed in,
        # on which ownership depends.
        groups = { for o in operations : o => local.methods["${entity}.${o}"].group if local.methods["${entity}.${o}"].group != null }
        hooks  = length(local.function_hooks["${entity}.${package}"]) > 0 ? e.hooks.code : null
        # The gateway checks scopes only in the user pool's tokens.
        scopes = { for o in operations : o => local.methods["${entity}.${o}"].scope
          if local.methods["${entity}.${o}"].access == "jwt" && local.methods["${entity}.${o}"].scope != null
        }
        signed_in = [for o in operations : o if contains(local.token_modes, local.methods["${entity}.${o}"].access)]
        }) : setting => value if try(length(value) > 0, value != null) && contains(
        concat(["groups", "hooks", "scopes", "signed_in"], flatten([for o in operations : local.operation_settings[entity][o]])), setting
      ) }
      statements = flatten([for table, used in local.rights["${entity}.${package}"] : [for statement in [
        {
          sid       = table == entity ? "UseTable" : "UseTableOf${local.sids[table]}"
          actions   = used.actions
          resources = [local.table_arns[table]]
        },
        {
          sid     = table == entity ? "QueryIndexes" : "QueryIndexesOf${local.sids[table]}"
          actions = used.index_actions
          resources = [for index in concat(
            local.entities[table].indexes,
            [for index in [local.contract.items.everyone_index.name] : index
              if table == entity && e.reads == "all" && contains(operations, "list")
            ],
          ) : "${local.table_arns[table]}/index/${index}"]
        },
        {
          sid       = "QueryIds"
          actions   = table == entity ? distinct(flatten([for o in operations : local.forms[entity][o].id_index_actions])) : []
          resources = ["${local.table_arns[table]}/index/${local.contract.items.id_index.name}"]
        },
      ] : merge(statement, { actions = [for action in statement.actions : "dynamodb:${action}"] }) if length(statement.actions) > 0]])
    }
  }]...)

  # The environment variables of each function.
  function_environments = { for key, f in local.functions : key => merge(
    {
      CORS_ORIGINS = join(" ", var.cors_origins)
      ENTITY       = f.entity
      ENVIRONMENT  = var.environment
      LOG_LEVEL    = local.entities[f.entity].function.log_level
      TABLE_NAME   = local.entities[f.entity].table
    },
    local.metrics_namespace == null ? {} : { METRICS_NAMESPACE = local.metrics_namespace },
    length(f.settings) == 0 ? {} : { ENTITY_OPTIONS = jsonencode(f.settings) },
    length(local.used_entities[key]) == 0 ? {} : { ENTITIES = jsonencode(local.used_entities[key]) },
  ) }

  # Lambda limits the size of the environment variables as JSON, in bytes. Terraform counts only
  # characters, but base64 encodes each three bytes as four characters.
  environment_limit = 4096
  environment_bytes = { for key, environment in merge(
    local.function_environments, local.own_function_environments, { for key, f in local.authorizer : " ${key}" => f.environment }
    ) : key => {
    for part, encoded in { for part, value in merge(environment, { all = environment }) : part => base64encode(jsonencode(value)) } :
    part => length(encoded) / 4 * 3 - length(regexall("=", encoded))
  } }
  environment_faults = [for key, bytes in local.environment_bytes : join("", [
    can(local.functions[key]) ? "entities.${local.functions[key].entity}" : "functions.${key}",
    ": the environment variables of the function ",
    "${try(local.functions[key].name, local.own_functions[key].name)} take ${bytes.all} bytes, and Lambda allows ",
    "${local.environment_limit}. ",
    can(local.functions[key]) ?
    join(" ", [
      "cors_origins take ${bytes.CORS_ORIGINS} of them, filters and other settings",
      "${try(bytes.ENTITY_OPTIONS, 0)}${can(bytes.ENTITIES) ? ", entities that own code uses ${bytes.ENTITIES}" : ""}. Write fewer or",
      "shorter ones.",
    ]) :
    join(" ", [
      "${can(bytes.CORS_ORIGINS) ? "cors_origins take ${bytes.CORS_ORIGINS} of them, " : ""}the function's attributes ${bytes.FUNCTION},",
      "entities that it uses ${try(bytes.ENTITIES, 0)} and settings",
      "${sum(concat([0], [for setting in keys(local.own_functions[key].settings) : bytes[setting]]))}. Write fewer or shorter ones, or",
      "split the function.",
    ])
  ]) if bytes.all > local.environment_limit]

  # The API's methods, one per entity and operation, with who may call them and the function that
  # serves them.
  methods = merge([for entity, e in local.entities : {
    for operation, access in { for o in e.operations : o => lookup(e.access, o, lookup(e.access, "default", local.default_access)) } :
    "${entity}.${operation}" => merge(local.access_modes[access], {
      entity    = entity
      function  = "${entity}.${e.functions == "per_entity" ? "entity" : operation}"
      operation = operation
    })
  }]...)

  # Who may call each method of the API: by "entity.operation" for entities, by route for functions.
  api_methods = { for key, m in merge(local.methods, local.own_methods) :
    key => { access = m.access, group = m.group, scope = m.scope }
  }

  identifier = "${var.name}-${var.environment}"
  # The namespace of the functions' own metrics.
  metrics_namespace = var.metrics ? local.identifier : null

  # This API's scopes that access, fields, acts_for and sees_all name. `scopes` has all of this
  # API's scopes, with their descriptions.
  access_scopes = [for scope in distinct(concat(
    compact([for m in values(local.api_methods) : m.scope if m.access == "cognito"]), local.rule_scopes
    )) :
    trimprefix(scope, "${local.identifier}/")
    if startswith(scope, "${local.identifier}/")
  ]
  rule_groups = [for rule in values(local.token_rules) :
    trimprefix(rule, "group=") if startswith(rule, "group=") && can(regex(local.label_pattern, trimprefix(rule, "group=")))
  ]
  rule_scopes = flatten([for rule in values(local.token_rules) : split(" ", trimprefix(rule, "scope=")) if startswith(rule, "scope=")])
  scopes      = merge({ for scope in local.access_scopes : scope => "Operations for the scope ${scope}" }, var.user_pool.scopes)

  # The issuer of the tokens for jwt. The local run overrides this with its own issuer.
  jwt_issuer = try(var.jwt.issuer, null)
  # The web console's client at that issuer.
  console_client = try(var.jwt.client_id, null) == null ? null : {
    audience  = sort(var.jwt.audiences)[0]
    client_id = var.jwt.client_id
    issuer    = local.jwt_issuer
    scopes = sort(coalesce(
      var.jwt.client_scopes, toset(compact([for m in values(local.api_methods) : m.scope if m.access == "jwt"]))
    ))
  }

  # The methods that need such a token, and the Lambda authorizer that verifies it.
  jwt_methods = [for key, m in local.api_methods : key if m.access == "jwt"]
  authorizer = { for name in ["${var.name}-authorizer-${var.environment}"] : "authorizer" => {
    environment = merge({
      ENVIRONMENT = var.environment
      JWT         = jsonencode({ audiences = var.jwt.audiences, groups_claim = var.jwt.groups_claim, issuer = local.jwt_issuer })
      LOG_LEVEL   = var.jwt.function.log_level
    }, local.metrics_namespace == null ? {} : { METRICS_NAMESPACE = local.metrics_namespace })
    name = name
    zip  = "authorizer"
  } if length(local.jwt_methods) > 0 && var.jwt != null }

  # In seconds. The function itself gives up earlier on an issuer that does not respond.
  authorizer_timeout = 10

  # The names of all functions in Lambda.
  function_names = concat(values(local.functions)[*].name, values(local.own_functions)[*].name, values(local.authorizer)[*].name)

  uses_cognito = contains(values(local.api_methods)[*].access, "cognito")
  creates_pool = local.uses_cognito && var.user_pool.arn == null
  # The web console signs users in at this domain, so it needs one.
  domain_prefix = (
    !local.creates_pool ?
    null :
    var.website == null || var.user_pool.domain_prefix != null ?
    var.user_pool.domain_prefix :
    "${local.identifier}-${local.account}"
  )
  domain = local.domain_prefix == null ? null : "https://${local.domain_prefix}.auth.${var.region}.amazoncognito.com"

  # Every method that needs a token names scopes: without a scope in access, all those of a sign-in
  # by SRP or at the domain. The gateway thus refuses ID tokens, which have no scopes and are for
  # the app, not for the API.
  method_scopes = { for key, m in local.api_methods : key => (
    m.access != "cognito" ? [] :
    m.scope != null ? [m.scope] :
    sort(concat(["aws.cognito.signin.user.admin", "openid"], [for scope in keys(local.scopes) : "${local.identifier}/${scope}"]))
  ) }

  # A model's name may contain only letters and digits. The suffix keeps an entity "patch" or
  # "empty" apart from the models Patch and Empty.
  model_names = { for name in keys(var.entities) : name => "${join("", [for word in split("-", name) : title(word)])}Body" }

  # The live versions by function, as `make release` and `make rollback` record them. A function
  # without an entry uses its newest version. terraform_data.build stops a plan with a malformed
  # file.
  live_file       = try(file("${var.project}/environments/${var.environment}.live.json"), null)
  live_versions   = try({ for name, version in jsondecode(local.live_file).live.versions : name => tostring(version) }, {})
  canary          = try(jsondecode(local.live_file).canary, null)
  canary_versions = try({ for name, version in local.canary.versions : name => tostring(version) }, {})
  canary_percent  = try(tonumber(local.canary.percent), 0)
  live_file_is_valid = (
    can({ for name, version in jsondecode(local.live_file).live.versions : name => tostring(version) }) &&
    (local.canary == null ||
      can({ for name, version in local.canary.versions : name => tostring(version) }) &&
    local.canary_percent > 0 && local.canary_percent <= 100) &&
    alltrue([for version in concat(values(local.live_versions), values(local.canary_versions)) : can(regex("^[1-9][0-9]*$", version))])
  )
  unknown_live_names = sort(setsubtract(
    concat(keys(local.live_versions), keys(local.canary_versions)),
    local.function_names
  ))

  trail = "${var.name}-audit-${var.environment}"

  # The default key stays on the plan "standard" when another plan is added.
  api_keys      = coalesce(var.api_keys, { default = contains(keys(var.usage_plans), "standard") ? "standard" : keys(var.usage_plans)[0] })
  needs_api_key = contains(concat(values(local.api_methods)[*].access, [var.docs]), "api_key")
  has_api_keys  = local.needs_api_key || length(coalesce(var.api_keys, {})) > 0

  # Everything that tools/ reads from the variables: it evaluates only this local. Every plan
  # evaluates it as well, and so finds its errors.
  tools = {
    api_keys = keys(local.api_keys)
    entities = { for name, e in local.entities : name => {
      methods = { for m in values(local.methods) :
        m.operation => { access = m.access, group = m.group, scope = m.scope }
        if m.entity == name
      }
      # For entities without functions. Functions of other entities have these options in their
      # environment variables.
      options = { for setting, value in local.settings[name] : setting => value if try(length(value) > 0, value != null) }
      path    = e.path
      schema  = e.schema
    } }
    domain      = try({ name = var.domain.name, has_mutual_tls = var.domain.truststore != null }, null)
    environment = var.environment
    faults      = local.faults
    functions = { for name, f in local.own_functions : name => {
      changes      = keys(f.changes)
      dead_letters = f.dead_letters
      egress       = f.egress
      kind         = f.kind
      name         = f.name
      queue        = f.queue_name
      routes = { for route, m in local.own_methods : route => { access = m.access, group = m.group, scope = m.scope }
        if m.function == name
      }
      secrets  = f.secrets
      services = local.called_services[name]
    } }
    jwt     = var.jwt
    name    = var.name
    region  = var.region
    release = var.release
    # The web console needs the OpenAPI document. Its distribution can reach neither a private API
    # nor one with mutual TLS.
    takes_website = var.docs != "none" && var.private == null && try(var.domain.truststore == null, true)
  }
}
