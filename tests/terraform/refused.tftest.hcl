# Invalid values of variables: each run has one fault in each of a few variables.
# accepted.tftest.hcl has values that are just valid, and tests/plan/test_refusals.py has faults in
# schemas. `make validate` runs this file with only the variables, locals.tf and schemas.tf of
# modules/service, because a run with a provider takes two seconds instead of a tenth of a second.
# The variables that a validation refers to have to be valid: keys cannot be tested together with
# faults in entities or usage plans.

variables {
  name        = "shop"
  environment = "dev"
  entities    = { todos = { access = { get = "cognito" } } } # requires keys and tokens, so that settings of either have an effect
}

# Terraform evaluates error messages even if a condition holds, so a null in one would stop the
# plan.
run "nothing_where_everything_is_left_out" {
  command = plan

  variables {
    alarms     = {}
    audit      = {}
    backup     = {}
    encryption = {}
    network    = {}
    release    = {}
    throttle   = {}
    user_pool  = {}
    waf        = {}
    website    = {}
  }
}

run "default_key_stays_where_it_is" {
  command = plan

  variables {
    entities    = { todos = { access = { get = "cognito" } } }
    usage_plans = { basic = {}, standard = {} }
    user_pool   = { tokens = { access_minutes = 1439, refresh_days = 1 } }
  }

  assert {
    condition     = local.api_keys["default"] == "standard" && length(local.api_keys) == 1
    error_message = "A plan beside the default one does not get its key."
  }
}

run "default_key_on_the_only_plan" {
  command = plan

  variables {
    usage_plans = { "Gold_1.0-a" = {} }
  }

  assert {
    condition     = local.api_keys["default"] == "Gold_1.0-a" && length(local.api_keys) == 1
    error_message = "A single plan has the key, whatever its name."
  }
}

run "round_1" {
  command         = plan
  expect_failures = [var.entities, var.info, var.log_retention_days, var.network, var.release, var.website]

  variables {
    entities           = {}                                    # no entities
    info               = { contact = { email = "nobody" } }    # mail address without a domain
    log_retention_days = 42                                    # log retention unknown to cloudwatch
    network            = { cidr = "10.0.0.1/16" }              # network cidr not at its first address
    release            = { percent = 0 }                       # release to no requests
    website            = { aliases = ["console.example.com"] } # website names without a certificate
  }
}

run "round_2" {
  command         = plan
  expect_failures = [var.entities, var.info, var.network, var.region, var.release, var.website]

  variables {
    # entity in capitals
    entities = { Todos = {} }
    # link without a scheme
    info = { license = { name = "MIT", url = "LICENSE" } }
    # network cidr too small
    network = { cidr = "10.0.0.0/21" }
    # region that is an availability zone
    region = "us-west-2a"
    # release to more than all
    release = { percent = 101 }
    # website name with a scheme
    website = { aliases = ["https://console.example.com"], certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/0a" }
  }
}

run "round_3" {
  command         = plan
  expect_failures = [var.entities, var.network, var.release, var.tags, var.website]

  variables {
    # entity with an underscore
    entities = { todo_lists = {} }
    # network cidr too large
    network = { cidr = "10.0.0.0/15" }
    tags    = { Project = "other" } # tag that Trestle sets
    # release percent not whole
    release = { percent = 2.5 }
    # website certificate of another region
    website = { aliases = ["console.example.com"], certificate_arn = "arn:aws:acm:us-west-2:123456789012:certificate/0a" }
  }
}

run "round_4" {
  command         = plan
  expect_failures = [var.entities, var.network, var.release, var.website]

  variables {
    entities = { todo-2 = {} }                    # entity with a digit after a hyphen
    network  = { nat = "double" }                 # network nat unknown
    release  = { minutes = -1 }                   # release watched for less than no time
    website  = { price_class = "PriceClass_300" } # website price class unknown
  }
}

run "round_5" {
  command         = plan
  expect_failures = [var.entities, var.network, var.release, var.website]

  variables {
    entities = { abcdefghijklmnopqrstuvwxyzabcdef = {} }                                        # entity of 32 letters
    network  = { private_subnets = ["10.0.2.0"], public_subnets = ["10.0.1.0/24"] }             # network subnets malformed
    release  = { minutes = 1441 }                                                               # release watched for more than a day
    website  = { web_acl_arn = "arn:aws:wafv2:us-west-2:123456789012:regional/webacl/shop/0a" } # website firewall of a region
  }
}

run "round_6" {
  command         = plan
  expect_failures = [var.entities, var.network, var.release]

  variables {
    entities = { todos = { operations = [] } }       # no entity with operations
    network  = { private_subnets = ["10.0.2.0/24"] } # network subnets unpaired
    release  = { faults = 0 }                        # release that no fault rolls back
  }
}

run "round_7" {
  command         = plan
  expect_failures = [var.entities, var.network, var.release]

  variables {
    entities = { todos = { operations = ["create", "upsert"] } } # entity with an unknown operation
    network  = { private_subnets = [], public_subnets = [] }     # network subnets none
    release  = { faults = 1.5 }                                  # release faults not whole
  }
}

run "round_8" {
  command         = plan
  expect_failures = [var.entities, var.network]

  variables {
    entities = { todos = { access = { upsert = "open" } } } # entity access to an unknown operation
    network  = { endpoints = ["s3"] }                       # network endpoint that always exists
  }
}

run "round_9" {
  command         = plan
  expect_failures = [var.cors_origins, var.entities]

  variables {
    cors_origins = []                                                # cors origins empty
    entities     = { todos = { access = { default = "everyone" } } } # entity access for unknown callers
  }
}

run "round_10" {
  command         = plan
  expect_failures = [var.cors_origins, var.entities]

  variables {
    cors_origins = ["*", "https://app.example.com"] # cors origins all and one
    entities     = { todos = { ids = "database" } } # entity ids unknown
  }
}

run "round_11" {
  command         = plan
  expect_failures = [var.cors_origins, var.entities]

  variables {
    cors_origins = ["https://app.example.com/"]    # cors origins with a path
    entities     = { todos = { list = "random" } } # entity list unknown
  }
}

run "round_12" {
  command         = plan
  expect_failures = [var.cors_origins, var.entities]

  variables {
    cors_origins = ["app.example.com"]           # cors origins without a scheme
    entities     = { todos = { put = "patch" } } # entity put unknown
  }
}

run "round_13" {
  command         = plan
  expect_failures = [var.cors_origins, var.entities]

  variables {
    cors_origins = [for n in range(100) : format("https://app-%03d.example.com", n)] # cors origins too many
    entities     = { todos = { path = "customers/{customer}/todos" } }               # entity path with a parameter
  }
}

run "round_14" {
  command         = plan
  expect_failures = [var.entities, var.usage_plans]

  variables {
    entities    = { todos = { path = "a/b/c/d/e" } } # entity path of five segments
    usage_plans = {}                                 # usage plans none
  }
}

run "round_15" {
  command         = plan
  expect_failures = [var.entities, var.usage_plans]

  variables {
    entities    = { todos = { path = "" } }         # entity path empty
    usage_plans = { standard = { rate_limit = 0 } } # usage plan without a rate
  }
}

run "round_16" {
  command         = plan
  expect_failures = [var.entities, var.usage_plans]

  variables {
    entities    = { tasks = { path = "todos" }, todos = {} }                 # entities on one path
    usage_plans = { standard = { quota = { limit = 10, period = "HOUR" } } } # usage plan quota by the hour
  }
}

run "round_17" {
  command         = plan
  expect_failures = [var.entities, var.usage_plans]

  variables {
    entities    = { todos = { function = { log_level = "TRACE" } } } # function log level unknown
    usage_plans = { standard = { quota = { limit = 0 } } }           # usage plan quota of nothing
  }
}

run "round_18" {
  command         = plan
  expect_failures = [var.entities]

  variables {
    entities = { todos = { function = { memory_size = 127 } } } # function memory too small
  }
}

run "round_19" {
  command         = plan
  expect_failures = [var.entities]

  variables {
    entities = { todos = { function = { memory_size = 10241 } } } # function memory too large
  }
}

run "round_20" {
  command         = plan
  expect_failures = [var.entities]

  variables {
    entities = { todos = { function = { timeout = 0 } } } # function timeout zero
  }
}

run "round_21" {
  command         = plan
  expect_failures = [var.entities]

  variables {
    entities = { todos = { function = { timeout = 901 } } } # function timeout too long
  }
}

run "round_22" {
  command         = plan
  expect_failures = [var.entities, var.throttle]

  variables {
    entities = { todos = { function = { reserved_concurrency = -1 } } } # function reserved concurrency negative
    throttle = { rate_limit = 0 }                                       # throttle of nothing
  }
}

run "round_23" {
  command         = plan
  expect_failures = [var.entities, var.throttle]

  variables {
    entities = { todos = { schema = "examples/todo.json" } } # schema elsewhere
    throttle = { burst_limit = 1.5 }                         # throttle of half a request
  }
}

run "round_24" {
  command         = plan
  expect_failures = [var.entities]

  variables {
    entities = { todos = { functions = "per_method" } } # functions unknown
  }
}

run "round_25" {
  command         = plan
  expect_failures = [var.docs, var.environment, var.name]

  variables {
    docs        = "iam"   # docs for unknown callers
    environment = "Dev"   # environment in capitals
    name        = "2shop" # name beginning with a digit
  }
}

run "round_26" {
  command         = plan
  expect_failures = [var.environment, var.name]

  variables {
    environment = "abcdefghijklmnopqrstu" # environment of 21 letters
    name        = "s"                     # name of one letter
  }
}

run "round_27" {
  command         = plan
  expect_failures = [var.environment, var.permissions_boundary]

  variables {
    environment          = "dev-"          # environment ending in a hyphen
    permissions_boundary = "shop-boundary" # permissions boundary that is not an ARN
  }
}

run "round_28" {
  command         = plan
  expect_failures = [var.entities]

  variables {
    # function names too long
    entities    = { abcdefghijklmno = {} }
    environment = "twenty-letters-in-it"
    name        = "twenty-letters-in-it"
  }
}

run "round_29" {
  command         = plan
  expect_failures = [var.entities]

  variables {
    entities = { todos = { path = "/openapi.json" } } # entity path of the OpenAPI document
  }
}

run "round_30" {
  command         = plan
  expect_failures = [var.entities]

  variables {
    entities = { movies = { filters = { order = {} }, schema = "schemas/movie.json" } } # filter with the name of a list's parameter
  }
}

run "round_31" {
  command         = plan
  expect_failures = [var.entities]

  variables {
    # filters more than DynamoDB has indexes
    entities = { movies = { filters = { for n in range(20) : "filter${n}" => {} }, schema = "schemas/movie.json" } }
  }
}

run "round_32" {
  command         = plan
  expect_failures = [var.entities, var.waf]

  variables {
    entities = { todos = { access = { get = "cognito:group=a b" } } } # entity access for a group of two words
    waf      = { countries = ["Germany"] }                            # countries by name
  }
}

run "round_33" {
  command         = plan
  expect_failures = [var.entities, var.waf]

  variables {
    entities = { todos = { access = { get = "cognito:scope=" } } } # entity access for no scope
    waf      = { rate_limit = 9 }                                  # firewall rate too low
  }
}

run "round_34" {
  command         = plan
  expect_failures = [var.audit, var.backup, var.entities]

  variables {
    audit    = { retention_years = 0 }                             # audit for no time
    backup   = { daily_days = 0 }                                  # backup for no time
    entities = { todos = { access = { get = "cognito:admins" } } } # entity access for neither group nor scope
  }
}

run "round_35" {
  command         = plan
  expect_failures = [var.audit, var.backup, var.entities]

  variables {
    audit    = { retention_years = 8 }       # audit for too long
    backup   = { daily_days = 1.5 }          # backup for half a day
    entities = { todos = { owner = "sub" } } # owners without cognito
  }
}

run "round_36" {
  command         = plan
  expect_failures = [var.backup, var.entities, var.waf]

  variables {
    backup   = { daily_days = 36501 }                                                         # backup for too long
    entities = { todos = { access = { default = "cognito", list = "open" }, owner = "sub" } } # owners beside an open operation
    waf      = { rate_limit = 10.5 }                                                          # firewall rate of half a request
  }
}

run "round_37" {
  command         = plan
  expect_failures = [var.audit, var.backup, var.entities]

  variables {
    audit = { retention_years = 1.5 } # audit for half a year
    # monthly backup for no longer than the daily ones
    backup   = { monthly_days = 35 }
    entities = { todos = { access = { default = "cognito" }, list = "unordered", owner = "sub" } } # owners of an unordered list
  }
}

run "round_38" {
  command         = plan
  expect_failures = [var.backup, var.user_pool]

  variables {
    backup    = { monthly_days = 36501 }        # monthly backup for too long
    user_pool = { arn = "eu-central-1_Abc123" } # user pool that is not an ARN
  }
}

run "round_39" {
  command         = plan
  expect_failures = [var.backup, var.user_pool]

  variables {
    # monthly backup for half a day
    backup = { monthly_days = 40.5 }
    # existing user pool with groups
    user_pool = { arn = "arn:aws:cognito-idp:eu-central-1:123456789012:userpool/eu-central-1_Abc123", groups = ["admins"] }
  }
}

run "round_40" {
  command         = plan
  expect_failures = [var.user_pool]

  variables {
    user_pool = { callback_urls = ["http://app.example.com/in"], domain_prefix = "shop" } # callback without TLS
  }
}

run "round_41" {
  command         = plan
  expect_failures = [var.user_pool]

  variables {
    user_pool = { domain_prefix = "my-cognito" } # domain with a word of AWS's
  }
}

run "round_42" {
  command         = plan
  expect_failures = [var.user_pool]

  variables {
    user_pool = { callback_urls = ["https://app.example.com/in"] } # callback without a domain
  }
}

run "round_43" {
  command         = plan
  expect_failures = [var.user_pool]

  variables {
    user_pool = { domain_prefix = "shop", logout_urls = ["https://app.example.com/out"] } # logout without a callback
  }
}

run "round_44" {
  command         = plan
  expect_failures = [var.user_pool]

  variables {
    user_pool = { groups = ["a,b"] } # group with a comma
  }
}

run "round_45" {
  command         = plan
  expect_failures = [var.user_pool]

  variables {
    user_pool = { scopes = { "a/b" = "Both" } } # scope with a slash
  }
}

run "round_46" {
  command         = plan
  expect_failures = [var.alarms, var.user_pool]

  variables {
    alarms    = { errors = -1 }              # alarms at less than nothing
    user_pool = { scopes = { import = "" } } # scope for nothing
  }
}

run "round_47" {
  command         = plan
  expect_failures = [var.alarms, var.user_pool]

  variables {
    alarms    = { error_rate_percent = 101 }                        # alarms at more than all
    user_pool = { app_scopes = ["import"], domain_prefix = "shop" } # scope for apps that does not exist
  }
}

run "round_48" {
  command         = plan
  expect_failures = [var.alarms, var.user_pool]

  variables {
    alarms    = { requests = 0.5 }                                # alarms for half a request
    user_pool = { domain_prefix = "shop", machine_client = true } # machine client without a scope
  }
}

run "round_49" {
  command         = plan
  expect_failures = [var.alarms, var.user_pool]

  variables {
    alarms    = { emails = ["on-call"] } # alarms for nobody's address
    user_pool = { mfa = "SMS" }          # mfa by text message
  }
}

run "round_50" {
  command         = plan
  expect_failures = [var.alarms, var.user_pool]

  variables {
    # alarms without a threshold
    alarms = {
      api_4xx              = 0
      api_5xx              = 0
      dead_letters         = 0
      duration_percent     = 0
      error_rate_percent   = 0
      errors               = 0
      iterator_age_seconds = 0
      latency_p99_ms       = 0
      message_age_seconds  = 0
      table_system_errors  = 0
      table_throttles      = 0
      throttles            = 0
    }
    user_pool = { password_minimum_length = 7 } # password too short
  }
}

run "round_51" {
  command         = plan
  expect_failures = [var.alarms, var.user_pool]

  variables {
    alarms    = { topic_arn = "on-call" }           # alarms for a topic that is not an ARN
    user_pool = { tokens = { access_minutes = 4 } } # tokens for too short
  }
}

run "round_52" {
  command         = plan
  expect_failures = [var.alarms, var.user_pool]

  variables {
    # alarms with emails beside an existing topic
    alarms    = { emails = ["a@example.com"], topic_arn = "arn:aws:sns:us-west-2:123456789012:on-call" }
    user_pool = { tokens = { refresh_days = 3651 } } # tokens for too long
  }
}

run "round_53" {
  command         = plan
  expect_failures = [var.encryption]

  variables {
    alarms     = {} # alarms with a topic without a key
    encryption = { customer_key = false }
  }
}

run "round_54" {
  command         = plan
  expect_failures = [var.api_key_values, var.user_pool]

  variables {
    # api key values too short
    api_key_values = { default = "nineteen-characters" }
    # existing user pool with a password rule
    user_pool = { arn = "arn:aws:cognito-idp:eu-central-1:123456789012:userpool/eu-central-1_Abc123", password_minimum_length = 16 }
  }
}

run "round_55" {
  command         = plan
  expect_failures = [var.api_key_values, var.user_pool]

  variables {
    # api key values of an unknown key
    api_key_values = { partner = "twenty-characters-xx" }
    # existing user pool with sign-up
    user_pool = { arn = "arn:aws:cognito-idp:eu-central-1:123456789012:userpool/eu-central-1_Abc123", self_sign_up = true }
  }
}

run "round_56" {
  command         = plan
  expect_failures = [var.api_keys, var.user_pool]

  variables {
    # api keys on an unknown plan
    api_keys = { partner = "gold" }
    # existing user pool with token lifetimes
    user_pool = { arn = "arn:aws:cognito-idp:eu-central-1:123456789012:userpool/eu-central-1_Abc123", tokens = { access_minutes = 15 } }
  }
}

run "round_57" {
  command         = plan
  expect_failures = [var.api_keys, var.user_pool]

  variables {
    # no API keys, although docs needs one; scopes without a user pool
    api_keys  = {}
    docs      = "api_key"
    entities  = { todos = { access = { default = "open" } } }
    user_pool = { scopes = { import = "Brings items in" } }
  }
}

run "round_58" {
  command         = plan
  expect_failures = [var.alarms, var.user_pool]

  variables {
    alarms   = {} # alarms of too many entities
    entities = { for n in range(99) : "e${n}" => {} }
    # user pool that no operation requires
    user_pool = { arn = "arn:aws:cognito-idp:eu-central-1:123456789012:userpool/eu-central-1_Abc123" }
  }
}

run "round_59" {
  command         = plan
  expect_failures = [var.user_pool]

  variables {
    # logout to a scheme that any app may have
    user_pool = { callback_urls = ["https://app.example.com/in"], domain_prefix = "shop", logout_urls = ["app://out"] }
  }
}

run "round_68" {
  command         = plan
  expect_failures = [var.website]

  variables {
    docs    = "none"
    website = {} # website without a document
  }
}

run "round_69" {
  command         = plan
  expect_failures = [var.user_pool]

  variables {
    name    = "shop-aws"
    website = {} # website whose domain cognito refuses
  }
}

run "issuers_take_any_group_and_scope" {
  command = plan

  variables {
    entities = {
      notes = { access = { default = "jwt" }, owner = "sub" }
      todos = { access = {
        create  = "jwt:group=/Support Team (EU)"
        default = "jwt"
        delete  = "jwt:group=é,x"
        get     = "jwt:scope=https://api.example.com/todos.read"
        list    = "jwt:scope=todos:read"
      } }
    }
    jwt = {
      audiences    = ["https://api.example.com"]
      groups_claim = "https://example.com/roles"
      issuer       = "https://example.com:8443/realms/Shop/"
    }
  }

  assert {
    condition     = local.methods["todos.delete"].group == "é,x" && local.methods["todos.list"].scope == "todos:read" && !local.uses_cognito
    error_message = "Groups and scopes are compared unchanged with those in the token."
  }

  assert {
    condition     = length(local.access_scopes) == 0 && length(local.method_scopes["todos.list"]) == 0
    error_message = "The user pool does not contain them, and the gateway does not check them."
  }
}

run "round_70" {
  command         = plan
  expect_failures = [var.jwt]

  variables {
    entities = { todos = { access = { get = "jwt" } } } # access for jwt without an issuer
  }
}

run "round_71" {
  command         = plan
  expect_failures = [var.entities]

  variables {
    entities = { todos = { access = { get = "jwt:group= staff" } } } # entity access for a group that begins with a space
  }
}

run "round_72" {
  command         = plan
  expect_failures = [var.entities]

  variables {
    entities = { todos = { access = { get = "jwt:scope=a b" } } } # entity access for a scope of two words
  }
}

run "round_73" {
  command         = plan
  expect_failures = [var.entities]

  variables {
    entities = { todos = { access = { get = "jwt:group=" } } } # entity access for no group of an issuer
  }
}

run "round_74" {
  command         = plan
  expect_failures = [var.entities]

  variables {
    entities = { todos = { access = { get = "jwt:staff" } } } # entity access for neither group nor scope of an issuer
  }
}

run "round_75" {
  command         = plan
  expect_failures = [var.jwt]

  variables {
    jwt = { audiences = ["shop"], issuer = "https://auth.example.com" } # issuer that nothing requires
  }
}

run "round_76" {
  command         = plan
  expect_failures = [var.jwt]

  variables {
    entities = { todos = { access = { default = "jwt" } } }
    jwt      = { audiences = ["shop"], issuer = "http://auth.example.com" } # issuer without TLS
  }
}

run "round_77" {
  command         = plan
  expect_failures = [var.jwt]

  variables {
    entities = { todos = { access = { default = "jwt" } } }
    jwt      = { audiences = ["shop"], issuer = "https://auth.example.com/?tenant=1" } # issuer with a query
  }
}

run "round_78" {
  command         = plan
  expect_failures = [var.jwt]

  variables {
    entities = { todos = { access = { default = "jwt" } } }
    jwt      = { audiences = ["shop"], issuer = "https://auth.example.com/#a" } # issuer with a fragment
  }
}

run "round_79" {
  command         = plan
  expect_failures = [var.jwt]

  variables {
    entities = { todos = { access = { default = "jwt" } } }
    jwt      = { audiences = ["shop"], issuer = "https://me@auth.example.com" } # issuer with a user
  }
}

run "round_80" {
  command         = plan
  expect_failures = [var.jwt]

  variables {
    entities = { todos = { access = { default = "jwt" } } }
    jwt      = { audiences = ["shop"], issuer = "https://auth.example.com/.well-known/openid-configuration" } # issuer that is its document
  }
}

run "round_81" {
  command         = plan
  expect_failures = [var.jwt]

  variables {
    entities = { todos = { access = { default = "jwt" } } }
    jwt      = { audiences = ["shop"], issuer = "" } # issuer that is empty
  }
}

run "round_82" {
  command         = plan
  expect_failures = [var.jwt]

  variables {
    entities = { todos = { access = { default = "jwt" } } }
    jwt      = { audiences = ["shop"], issuer = "https://auth.example.com/a b" } # issuer of two words
  }
}

run "round_83" {
  command         = plan
  expect_failures = [var.jwt]

  variables {
    entities = { todos = { access = { default = "jwt" } } }
    jwt      = { audiences = [], issuer = "https://auth.example.com" } # issuer without audiences
  }
}

run "round_84" {
  command         = plan
  expect_failures = [var.jwt]

  variables {
    entities = { todos = { access = { default = "jwt" } } }
    jwt      = { audiences = [""], issuer = "https://auth.example.com" } # issuer with an empty audience
  }
}

run "round_85" {
  command         = plan
  expect_failures = [var.jwt]

  variables {
    entities = { todos = { access = { default = "jwt" } } }
    # issuer with a claim of groups without a name
    jwt = { audiences = ["shop"], groups_claim = "", issuer = "https://auth.example.com" }
  }
}

run "round_86" {
  command         = plan
  expect_failures = [var.jwt]

  variables {
    entities = { todos = { access = { default = "jwt" } } }
    jwt      = { audiences = ["shop"], client_id = "console", issuer = "https://auth.example.com" } # issuer with a client, but no console
  }
}

run "round_87" {
  command         = plan
  expect_failures = [var.jwt]

  variables {
    entities = { todos = { access = { default = "jwt" } } }
    jwt      = { audiences = ["shop"], client_id = "", issuer = "https://auth.example.com" } # issuer with an empty client
  }
}

run "round_88" {
  command         = plan
  expect_failures = [var.jwt]

  variables {
    entities = { todos = { access = { default = "jwt" } } }
    # issuer with a function that is too small
    jwt = { audiences = ["shop"], function = { memory_size = 64 }, issuer = "https://auth.example.com" }
  }
}

run "round_89" {
  command         = plan
  expect_failures = [var.jwt]

  variables {
    entities = { todos = { access = { default = "jwt" } } }
    # issuer with a function of half an instance
    jwt = { audiences = ["shop"], function = { reserved_concurrency = 0.5 }, issuer = "https://auth.example.com" }
  }
}

run "round_90" {
  command         = plan
  expect_failures = [var.jwt]

  variables {
    entities = { todos = { access = { default = "jwt" } } }
    # issuer with an unknown log level
    jwt = { audiences = ["shop"], function = { log_level = "TRACE" }, issuer = "https://auth.example.com" }
  }
}

run "round_91" {
  command         = plan
  expect_failures = [var.entities]

  variables {
    entities = { todos = { access = { default = "jwt", get = "cognito" }, owner = "sub" } } # owners of two issuers
    jwt      = { audiences = ["shop"], issuer = "https://auth.example.com" }
  }
}

run "console_client_1" {
  command         = plan
  expect_failures = [var.jwt]

  variables {
    entities = { todos = { access = { default = "jwt" } } }
    # scopes of a console that has no client
    jwt     = { audiences = ["shop"], client_scopes = ["read"], issuer = "https://auth.example.com" }
    website = {}
  }
}

run "console_client_2" {
  command         = plan
  expect_failures = [var.jwt]

  variables {
    entities = { todos = { access = { default = "jwt" } } }
    # a console's scope with a space
    jwt     = { audiences = ["shop"], client_id = "console", client_scopes = ["a b"], issuer = "https://auth.example.com" }
    website = {}
  }
}

run "brought_1" {
  command         = plan
  expect_failures = [var.budget, var.code_signing_config_arn, var.log_bucket, var.user_pool]

  variables {
    # budget of nothing
    budget = { emails = ["team@example.com"], monthly = 0 }
    # of another region
    code_signing_config_arn = "arn:aws:lambda:eu-west-1:123456789012:code-signing-config:csc-0123456789abcdef0"
    # log bucket by its ARN
    log_bucket = "arn:aws:s3:::example-logs"
    user_pool  = { email = { from = "no-reply@example.com", source_arn = "arn:aws:ses:us-west-2:example.com" } } # no identity
  }
}

run "brought_2" {
  command         = plan
  expect_failures = [var.budget, var.code_signing_config_arn, var.log_bucket, var.user_pool]

  variables {
    # budget that notifies nobody
    budget = { emails = [], monthly = 50 }
    # a profile in its place
    code_signing_config_arn = "arn:aws:signer:us-west-2:123456789012:/signing-profiles/lambda"
    # log bucket that logs itself
    log_bucket = "shop-website-dev-123456789012-us-west-2"
    # from without brackets
    user_pool = { email = { from = "Notes no-reply@example.com", source_arn = "arn:aws:ses:us-west-2:123456789012:identity/example.com" } }
  }
}

run "brought_3" {
  command         = plan
  expect_failures = [var.alarms, var.budget, var.log_bucket, var.user_pool]

  variables {
    # topic of another region
    alarms = { topic_arn = "arn:aws:sns:eu-west-1:123456789012:on-call" }
    # budget for nobody's address
    budget = { emails = ["team"], monthly = 50 }
    # log bucket with a name that S3 does not allow
    log_bucket = "Example_Logs"
    # sender of another domain
    user_pool = { email = { from = "no-reply@example.org", source_arn = "arn:aws:ses:us-west-2:123456789012:identity/example.com" } }
  }
}

run "brought_4" {
  command         = plan
  expect_failures = [var.budget, var.user_pool]

  variables {
    # budget for too many
    budget = { emails = [for n in range(11) : "a${n}@example.com"], monthly = 50 }
    # answers to no address
    user_pool = { email = {
      from       = "no-reply@example.com",
      reply_to   = "Support",
      source_arn = "arn:aws:ses:us-west-2:123456789012:identity/example.com"
    } }
  }
}

run "brought_5" {
  command         = plan
  expect_failures = [var.budget, var.user_pool]

  variables {
    # half a cent
    budget = { emails = ["team@example.com"], monthly = 0.005 }
    # no configuration set
    user_pool = { email = {
      configuration_set = "my set",
      from              = "no-reply@example.com",
      source_arn        = "arn:aws:ses:us-west-2:123456789012:identity/example.com"
    } }
  }
}

run "brought_6" {
  command         = plan
  expect_failures = [var.user_pool]

  variables {
    # sender of a domain that ends the same
    user_pool = { email = { from = "no-reply@notexample.com", source_arn = "arn:aws:ses:us-west-2:123456789012:identity/example.com" } }
  }
}

run "brought_7" {
  command         = plan
  expect_failures = [var.user_pool]

  variables {
    # existing user pool with mail settings
    user_pool = {
      arn   = "arn:aws:cognito-idp:eu-central-1:123456789012:userpool/eu-central-1_Abc123"
      email = { from = "no-reply@example.com", source_arn = "arn:aws:ses:us-west-2:123456789012:identity/example.com" }
    }
  }
}

run "round_92" {
  command         = plan
  expect_failures = [var.encryption]

  variables {
    audit      = {} # audit without a key
    encryption = { customer_key = false }
  }
}

run "round_93" {
  command         = plan
  expect_failures = [var.encryption]

  variables {
    backup     = {} # backup without a key
    encryption = { customer_key = false }
  }
}

run "round_94" {
  command         = plan
  expect_failures = [var.encryption, var.network]

  variables {
    encryption = { key_arn = "arn:aws:kms:us-west-2:123456789012:alias/shared" } # key by its alias
    network    = { vpc_id = "vpc-0a1b2c3d" }                                     # existing network without subnets
  }
}

run "round_95" {
  command         = plan
  expect_failures = [var.encryption, var.network]

  variables {
    encryption = { customer_key = false, key_arn = "arn:aws:kms:us-west-2:123456789012:key/0a-1b" } # key that is not used
    network    = { subnet_ids = ["subnet-0a1b2c3d"] }                                               # subnets of no vpc
  }
}

run "round_96" {
  command         = plan
  expect_failures = [var.encryption, var.network]

  variables {
    # existing key with a deletion window
    encryption = { deletion_window_in_days = 7, key_arn = "arn:aws:kms:us-west-2:123456789012:key/0a-1b" }
    network    = { subnet_ids = ["subnet-0a1b2c3d"], vpc_id = "10.0.0.0/16" } # vpc by its addresses
  }
}

run "round_97" {
  command         = plan
  expect_failures = [var.network]

  variables {
    network = { subnet_ids = [], vpc_id = "vpc-0a1b2c3d" } # no subnet
  }
}

run "round_98" {
  command         = plan
  expect_failures = [var.network]

  variables {
    network = { subnet_ids = ["10.0.2.0/24"], vpc_id = "vpc-0a1b2c3d" } # subnet by its addresses
  }
}

run "round_99" {
  command         = plan
  expect_failures = [var.network]

  variables {
    network = { subnet_ids = ["subnet-0a1b", "subnet-0a1b"], vpc_id = "vpc-0a1b2c3d" } # subnet twice
  }
}

run "round_100" {
  command         = plan
  expect_failures = [var.network]

  variables {
    network = { cidr = "10.0.0.0/16", subnet_ids = ["subnet-0a1b2c3d"], vpc_id = "vpc-0a1b2c3d" } # existing vpc with a cidr
  }
}

run "round_101" {
  command         = plan
  expect_failures = [var.network]

  variables {
    network = { endpoints = [], subnet_ids = ["subnet-0a1b2c3d"], vpc_id = "vpc-0a1b2c3d" } # existing vpc with endpoints
  }
}

run "round_102" {
  command         = plan
  expect_failures = [var.network]

  variables {
    network = { nat = "none", subnet_ids = ["subnet-0a1b2c3d"], vpc_id = "vpc-0a1b2c3d" } # existing vpc with nat
  }
}

run "round_103" {
  command         = plan
  expect_failures = [var.network]

  variables {
    # existing vpc with new subnets
    network = { private_subnets = ["10.0.2.0/24"], public_subnets = ["10.0.1.0/24"], subnet_ids = ["subnet-0a"], vpc_id = "vpc-0a" }
  }
}

run "round_104" {
  command         = plan
  expect_failures = [var.encryption]

  variables {
    encryption = { deletion_window_in_days = 6 } # encryption window too short
  }
}

run "round_105" {
  command         = plan
  expect_failures = [var.encryption]

  variables {
    encryption = { deletion_window_in_days = 31 } # encryption window too long
  }
}

run "address_1" {
  command         = plan
  expect_failures = [var.domain]

  variables {
    # domain with a scheme
    domain = { name = "https://api.example.com", zone_id = "Z0123456789ABC" }
  }
}

run "address_2" {
  command         = plan
  expect_failures = [var.domain]

  variables {
    # domain without a dot
    domain = { name = "localhost", zone_id = "Z0123456789ABC" }
  }
}

run "address_3" {
  command         = plan
  expect_failures = [var.domain]

  variables {
    # domain with a wildcard
    domain = { name = "*.example.com", zone_id = "Z0123456789ABC" }
  }
}

run "address_4" {
  command         = plan
  expect_failures = [var.domain]

  variables {
    # domain longer than a certificate's common name
    domain = { name = "an-address-that-is-longer-than-acm-takes-as-the-common-name.example.com", zone_id = "Z0123456789ABC" }
  }
}

run "address_5" {
  command         = plan
  expect_failures = [var.domain]

  variables {
    # domain without certificate and zone
    domain = { name = "api.example.com" }
  }
}

run "address_6" {
  command         = plan
  expect_failures = [var.domain]

  variables {
    # domain with certificate and zone
    domain = { certificate_arn = "arn:aws:acm:us-west-2:123456789012:certificate/0a", name = "api.example.com", zone_id = "Z0123456789ABC" }
  }
}

run "address_7" {
  command         = plan
  expect_failures = [var.domain]

  variables {
    # certificate of another region
    domain = { certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/0a", name = "api.example.com" }
  }
}

run "address_8" {
  command         = plan
  expect_failures = [var.domain]

  variables {
    # zone by its name
    domain = { name = "api.example.com", zone_id = "example.com" }
  }
}

run "address_9" {
  command         = plan
  expect_failures = [var.domain]

  variables {
    # truststore at a URL
    domain = { name = "api.example.com", truststore = "https://example.com/ca.pem", zone_id = "Z0123456789ABC" }
  }
}

run "address_10" {
  command         = plan
  expect_failures = [var.domain]

  variables {
    # truststore's version without it
    domain = { name = "api.example.com", truststore_version = "v1", zone_id = "Z0123456789ABC" }
  }
}

run "address_11" {
  command         = plan
  expect_failures = [var.domain]

  variables {
    # proof of ownership beside a certificate that is one
    domain = {
      name                      = "api.example.com"
      ownership_certificate_arn = "arn:aws:acm:us-west-2:123456789012:certificate/0a"
      truststore                = "s3://example/ca.pem"
      zone_id                   = "Z0123456789ABC"
    }
  }
}

run "address_12" {
  command         = plan
  expect_failures = [var.domain]

  variables {
    # mutual TLS and a website
    domain  = { name = "api.example.com", truststore = "s3://example/ca.pem", zone_id = "Z0123456789ABC" }
    website = {}
  }
}

run "address_13" {
  command         = plan
  expect_failures = [var.private]

  variables {
    # private without an endpoint
    private = { vpc_endpoint_ids = [] }
  }
}

run "address_14" {
  command         = plan
  expect_failures = [var.private]

  variables {
    # private with an endpoint's name
    private = { vpc_endpoint_ids = ["execute-api"] }
  }
}

run "address_15" {
  command         = plan
  expect_failures = [var.private]

  variables {
    # private at a domain
    domain  = { name = "api.example.com", zone_id = "Z0123456789ABC" }
    private = { vpc_endpoint_ids = ["vpce-12345678"] }
  }
}

run "address_16" {
  command         = plan
  expect_failures = [var.private]

  variables {
    # private with a website
    private = { vpc_endpoint_ids = ["vpce-12345678"] }
    website = {}
  }
}

run "address_17" {
  command         = plan
  expect_failures = [var.private]

  variables {
    # private with countries
    private = { vpc_endpoint_ids = ["vpce-12345678"] }
    waf     = { countries = ["DE"] }
  }
}

run "others_1" {
  command         = plan
  expect_failures = [var.entities]

  variables {
    # a reader of all items without the kind of rule
    entities = { todos = { access = { default = "cognito" }, owner = "sub", sees_all = "support" } }
  }
}

run "others_2" {
  command         = plan
  expect_failures = [var.entities]

  variables {
    # a writer for others by a scope that all users have
    entities = { todos = { access = { default = "cognito" }, acts_for = "scope=openid", owner = "sub" } }
  }
}

run "others_3" {
  command         = plan
  expect_failures = [var.entities]

  variables {
    # a writer for others who is the owner
    entities = { todos = { access = { default = "cognito" }, acts_for = "owner", owner = "sub" } }
  }
}

run "others_4" {
  command         = plan
  expect_failures = [var.entities]

  variables {
    # a reader of all items without owners
    entities = { todos = { access = { default = "cognito" }, sees_all = "group=support" } }
  }
}

run "others_5" {
  command         = plan
  expect_failures = [var.entities]

  variables {
    # a writer for others without owners
    entities = { todos = { access = { default = "cognito" }, acts_for = "group=support" } }
  }
}

run "others_6" {
  command         = plan
  expect_failures = [var.entities]

  variables {
    # a filter called owner beside a reader of all items
    entities = { todos = { access = { default = "cognito" }, filters = { owner = {} }, owner = "sub", sees_all = "group=support" } }
  }
}

run "others_7" {
  command         = plan
  expect_failures = [var.entities]

  variables {
    # a filter called owner beside a writer for others
    entities = { todos = { access = { default = "cognito" }, acts_for = "group=support", filters = { owner = {} }, owner = "sub" } }
  }
}

run "brought_elsewhere" {
  command         = plan
  expect_failures = [var.alarms, var.jwt]

  variables {
    # topic that CloudWatch cannot publish to
    alarms = { topic_arn = "arn:aws:sns:us-west-2:123456789012:on-call.fifo" }
    # issuer at no port
    entities = { todos = { access = { default = "jwt" } } }
    jwt      = { audiences = ["https://api.example.com"], issuer = "https://auth.example.com:65536/" }
  }
}

run "key_elsewhere" {
  command         = plan
  expect_failures = [var.encryption, var.network]

  variables {
    encryption = { key_arn = "arn:aws:kms:eu-west-1:123456789012:key/0a-1b" }                                # key of another region
    network    = { subnet_ids = [for n in range(17) : format("subnet-0a%02x", n)], vpc_id = "vpc-0a1b2c3d" } # more than Lambda allows
  }
}

run "reads_for_nothing" {
  command         = plan
  expect_failures = [var.entities]

  variables {
    # sees_all for an entity without reads
    entities = { todos = { access = { default = "cognito" }, operations = ["create"], owner = "sub", sees_all = "group=support" } }
  }
}

run "writes_for_nothing" {
  command         = plan
  expect_failures = [var.entities]

  variables {
    # acts_for for an entity without writes
    entities = { todos = { access = { default = "cognito" }, acts_for = "group=support", operations = ["get", "list"], owner = "sub" } }
  }
}
