# Values at the edges of what the variables accept, and the results.

mock_provider "aws" {
  mock_data "aws_availability_zones" {
    defaults = { names = ["us-west-2a", "us-west-2b", "us-west-2c"] }
  }

  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_data "aws_partition" {
    defaults = { dns_suffix = "amazonaws.com", partition = "aws" }
  }

  mock_data "aws_region" {
    defaults = { id = "us-west-2" }
  }
}

variables {
  name        = "shop"
  environment = "dev"
  entities    = { todos = {} }
}


run "least" {
  command = plan

  assert {
    condition     = output.table_names == { todos = "shop-todos-dev" }
    error_message = "One entity has one table, which is named after it."
  }

  assert {
    condition     = join(" ", sort(keys(output.function_names.todos))) == "create delete get list merge replace"
    error_message = "An entity has all six operations by default."
  }

  assert {
    condition     = length(output.private_subnet_ids) == 2 && length(output.api_key_ids) == 1 && length(output.usage_plan_ids) == 1
    error_message = "By default, there are a VPC with two zones, a usage plan and a key."
  }
}

run "edges" {
  command = plan

  override_data {
    target = module.service.data.aws_region.current
    values = { id = "ap-southeast-2" }
  }

  variables {
    name        = "twenty-letters-in-it"
    environment = "twenty-letters-in-it"
    entities = {
      abcdefghijklmn = {
        access     = { default = "open", delete = "iam" }
        function   = { log_level = "DEBUG", memory_size = 128, reserved_concurrency = 0, timeout = 900 }
        ids        = "client"
        list       = "unordered"
        operations = ["create", "delete", "replace"]
        path       = "/v1/a.b/c-d/e_f"
        put        = "merge"
      }
      root = { function = { memory_size = 10240, timeout = 1 }, path = "/" }
      orders = {
        filters   = { productId = { sort = "createdAt" }, quantity = { sort = "quantity" }, status = { sort = "status" } }
        functions = "per_entity"
        schema    = "schemas/order.json"
        ttl       = "quantity"
      }
      other = { ttl = "anything" }
    }
    api_key_values       = { partner = "twenty-characters-xx" }
    api_keys             = { partner = "gold" }
    cors_origins         = [for n in range(50) : format("https://app-%03d.with-a-long-name-in-it.example.com", n)]
    docs                 = "api_key"
    encryption           = { deletion_window_in_days = 7 }
    log_retention_days   = 3653
    network              = { cidr = "10.20.0.0/20", endpoints = ["kms"], nat = "per_az" }
    permissions_boundary = "arn:aws-us-gov:iam::123456789012:policy/a/b_c+d"
    region               = "ap-southeast-2"
    tags                 = { CostCentre = "42" }
    throttle             = { burst_limit = 1, rate_limit = 0.5 }
    usage_plans          = { gold = { quota = { limit = 1, period = "MONTH" } } }
  }

  assert {
    condition     = join(" ", keys(output.function_names.abcdefghijklmn)) == "create delete replace"
    error_message = "There are only the operations in the tfvars."
  }

  assert {
    condition     = join(" ", distinct(values(output.function_names.orders))) == "twenty-letters-in-it-orders-entity-twenty-letters-in-it"
    error_message = "One function serves all operations."
  }

  assert {
    condition     = join(" ", keys(output.security_group_ids)) == "egress endpoints functions"
    error_message = "Interface endpoints, and functions with egress, have separate security groups."
  }
}

run "without_network_or_keys" {
  command = plan

  variables {
    alarms      = { topic_arn = "arn:aws-us-gov:sns:us-west-2:123456789012:on-call_1" }
    api_keys    = {}
    dashboard   = false
    docs        = "none"
    encryption  = { customer_key = false, deletion_window_in_days = 30 }
    entities    = { todos = { access = { default = "open" } } }
    network     = null
    usage_plans = { basic = {}, gold = {} }
  }

  assert {
    condition     = output.vpc_id == null && output.kms_key_arn == null && length(output.security_group_ids) == 0
    error_message = "There is no VPC and no customer key."
  }

  assert {
    condition     = output.dashboard_url == null
    error_message = "Without a dashboard, there is no URL."
  }

  assert {
    condition     = output.openapi_url == null
    error_message = "There is no OpenAPI document if nobody may read it."
  }

  assert {
    condition     = length(output.api_key_ids) == 0 && length(output.usage_plan_ids) == 0
    error_message = "There is no API key if no operation requires one."
  }
}

run "signed_in" {
  command = plan

  variables {
    alarms = {
      api_4xx            = 0
      duration_percent   = 100
      emails             = ["on-call+shop@ops.example.com"]
      error_rate_percent = 0.5
      requests           = 1
    }
    audit                   = { retention_years = 7 }
    budget                  = { emails = ["team@example.com"], monthly = 0.01 }
    code_signing_config_arn = "arn:aws:lambda:us-west-2:123456789012:code-signing-config:csc-0123456789abcdef0"
    backup                  = { daily_days = 1, monthly_days = 36500 }
    entities = {
      notes = {
        access = { default = "cognito", delete = "cognito:group=A-b_c.1", list = "cognito:scope=read" }
        owner  = "sub"
      }
      todos = { access = { default = "cognito:scope=https://api.example.com/todos.read" } }
    }
    user_pool = {
      app_scopes    = ["read", "write"]
      callback_urls = ["https://app.example.com/in?a=b", "http://localhost:8000", "http://localhost", "com.example.app://in"]
      domain_prefix = "shop-1"
      email = {
        from       = "Notes <no-reply@mail.Example.com>"
        reply_to   = "support@example.org"
        source_arn = "arn:aws:ses:eu-west-1:123456789012:identity/example.com"
      }
      groups                  = ["editors"]
      logout_urls             = ["http://localhost/out"]
      machine_client          = true
      mfa                     = "ON"
      password_minimum_length = 99
      scopes                  = { write = "Writes" }
      tokens                  = { access_minutes = 1440, refresh_days = 3650 }
    }
    log_bucket = "logs.example.com"
    release    = { faults = 1000, minutes = 1440, percent = 100 }
    waf        = { countries = ["DE"], rate_limit = 10 }
    website = {
      aliases         = ["console.shop-1.example.com"]
      certificate_arn = "arn:aws-us-gov:acm:us-east-1:123456789012:certificate/0a1b-2c"
      price_class     = "PriceClass_200"
      web_acl_arn     = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/shop/0a1b-2c"
    }
  }

  assert {
    condition = output.dashboard_url == join("#", [
      "https://us-west-2.console.aws.amazon.com/cloudwatch/home?region=us-west-2", "dashboards/dashboard/shop-dev-us-west-2"
    ])
    error_message = "The dashboard's URL is in its region's console."
  }

  assert {
    condition = output.policy_statements == {
      log_bucket = [{
        Action = "s3:PutObject"
        Condition = {
          ArnLike      = { "aws:SourceArn" = ["arn:aws:s3:::shop-audit-dev-*", "arn:aws:s3:::shop-website-dev-*"] }
          StringEquals = { "aws:SourceAccount" = "123456789012" }
        }
        Effect    = "Allow"
        Principal = { Service = "logging.s3.amazonaws.com" }
        Resource  = ["arn:aws:s3:::logs.example.com/s3/shop-audit-dev-*", "arn:aws:s3:::logs.example.com/s3/shop-website-dev-*"]
        Sid       = "AccessLogs"
      }]
      topic     = []
      topic_key = []
    }
    error_message = "There are statements for the log bucket, and none for a new topic."
  }

  assert {
    condition     = output.sign_in_url == "https://shop-1.auth.us-west-2.amazoncognito.com"
    error_message = "There is a sign-in domain."
  }

  assert {
    condition     = output.website_url == "https://console.shop-1.example.com"
    error_message = "The console has its own domain name."
  }

  assert {
    condition     = length(output.api_key_ids) == 0 && length(output.usage_plan_ids) == 0
    error_message = "There is no key, since nobody needs one."
  }
}

run "existing_pool" {
  command = plan

  variables {
    entities  = { todos = { access = { default = "cognito" } } }
    user_pool = { arn = "arn:aws-us-gov:cognito-idp:us-gov-west-1:123456789012:userpool/us-gov-west-1_Abc123", scopes = { read = "Reads" } }
  }

  assert {
    condition     = output.user_pool_id == "us-gov-west-1_Abc123" && output.user_pool_client_id == null
    error_message = "The existing pool is used, without a new client."
  }
}

run "guest" {
  command = plan

  variables {
    encryption = { key_arn = "arn:aws-us-gov:kms:us-west-2:123456789012:key/mrk-0a1b" }
    network    = { subnet_ids = ["subnet-0a1b2c3d"], vpc_id = "vpc-0a1b2c3d4e5f60718" }
  }

  assert {
    condition     = output.kms_key_arn == "arn:aws-us-gov:kms:us-west-2:123456789012:key/mrk-0a1b"
    error_message = "The existing key is used."
  }

  assert {
    condition = (
      output.vpc_id == "vpc-0a1b2c3d4e5f60718" && join(" ", output.private_subnet_ids) == "subnet-0a1b2c3d" &&
      length(output.public_subnet_ids) == 0 && join(" ", keys(output.security_group_ids)) == "functions"
    )
    error_message = "The existing VPC is used, with one new security group."
  }
}

# The policy names the API's ARN, which only an apply knows.
run "policy_of_a_private_api" {
  command = plan

  module {
    source = "./modules/api"
  }

  override_resource {
    target          = aws_api_gateway_rest_api.this
    override_during = plan
    values          = { execution_arn = "arn:aws:execute-api:us-west-2:123456789012:abc" }
  }

  variables {
    authorizer                   = null
    cors_origins                 = ["*"]
    description                  = ""
    disable_execute_api_endpoint = false
    docs                         = { access = "open", document = "{}", path = "openapi.json" }
    exposed_headers              = []
    kms_key_arn                  = null
    log_retention_days           = 1
    models                       = { Patch = "{}" }
    problems                     = jsondecode(file("contract/problems.json"))
    request_headers              = []
    routes = { for route, access in { "GET todos" = "iam", "GET todos/{id}" = "open", "POST todos" = "api_key", "PUT todos/{id}" = "iam" } :
      route => {
        access    = access, function = "f", method = split(" ", route)[0], model = "Empty", parameters = [], path = split(" ", route)[1],
        qualifier = "live", scopes = []
      }
    }
    scope            = { account_id = "123456789012", dns_suffix = "amazonaws.com", partition = "aws", region = "us-west-2" }
    stage            = "dev"
    tags             = {}
    throttle         = { burst_limit = 1, rate_limit = 1 }
    user_pool_arn    = null
    validate_bodies  = false
    vpc_endpoint_ids = ["vpce-12345678", "vpce-01234567"]
  }

  assert {
    condition = [for s in jsondecode(aws_api_gateway_rest_api_policy.private[0].policy).Statement : s if s.Effect == "Deny"] == [{
      Action    = "execute-api:Invoke"
      Condition = { StringNotEquals = { "aws:SourceVpce" = ["vpce-01234567", "vpce-12345678"] } }
      Effect    = "Deny"
      Principal = "*"
      Resource  = "arn:aws:execute-api:us-west-2:123456789012:abc/*"
      Sid       = "ThroughTheseEndpointsAlone"
    }]
    error_message = "Calls through other endpoints and from the internet are denied, even if they are signed."
  }

  assert {
    condition = sort(jsondecode(aws_api_gateway_rest_api_policy.private[0].policy).Statement[0].Resource) == sort([
      for call in concat(
        [for verb in ["DELETE", "HEAD", "OPTIONS", "PATCH", "POST"] : "${verb}/*"],
        ["GET/todos/*", "GET/openapi.json", "PUT/todos", "PUT/openapi.json"],
      ) :
      "arn:aws:execute-api:us-west-2:123456789012:abc/dev/${call}"
    ])
    error_message = "The policy allows no route for iam, so a signed caller needs permission from its own policy."
  }
}

run "routes_that_the_policy_of_a_private_api_cannot_tell_apart" {
  command         = plan
  expect_failures = [aws_api_gateway_rest_api_policy.private]

  module {
    source = "./modules/api"
  }

  variables {
    authorizer                   = null
    cors_origins                 = ["*"]
    description                  = ""
    disable_execute_api_endpoint = false
    docs                         = { access = "none", document = "{}", path = "openapi.json" }
    exposed_headers              = []
    kms_key_arn                  = null
    log_retention_days           = 1
    models                       = { Patch = "{}" }
    problems                     = jsondecode(file("contract/problems.json"))
    request_headers              = []
    routes = { for route, access in { "GET todos/{id}" = "open", "GET todos/{id}/audit" = "iam" } : route => {
      access    = access, function = "f", method = "GET", model = "Empty", parameters = [], path = split(" ", route)[1],
      qualifier = "live", scopes = []
    } }
    scope            = { account_id = "123456789012", dns_suffix = "amazonaws.com", partition = "aws", region = "us-west-2" }
    stage            = "dev"
    tags             = {}
    throttle         = { burst_limit = 1, rate_limit = 1 }
    user_pool_arn    = null
    validate_bodies  = false
    vpc_endpoint_ids = ["vpce-12345678"]
  }
}
