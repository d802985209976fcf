# Every feature at once, so that each kind of resource and each request for it is made.
name        = "every"
environment = "test"
region      = "us-west-2"

entities = {
  notes = {
    access    = { default = "cognito", delete = "cognito:group=admins", replace = "cognito:scope=import" }
    filters   = { pinned = {}, tag = { sort = "title" } }
    functions = "per_entity"
    ids       = "client"
    owner     = "sub"
    schema    = "schemas/note.json"
  }
  orders = {
    access   = { default = "api_key", get = "jwt", list = "open", delete = "iam", merge = "jwt:group=staff" }
    filters  = { status = { sort = "quantity" } }
    function = { log_level = "DEBUG", memory_size = 512, reserved_concurrency = 5, snap_start = true, timeout = 10 }
    list     = "unordered"
    path     = "v1/orders"
    put      = "merge"
    schema   = "schemas/order.json"
  }
}

alarms              = { emails = ["on-call@example.com"] }
api_keys            = { app = "free", partner = "paid" }
audit               = { retention_years = 2 }
backup              = { monthly_days = 365 }
cors_origins        = ["https://app.example.com", "https://admin.example.com"]
deletion_protection = false
docs                = "api_key"
jwt                 = { audiences = ["https://api.example.com"], issuer = "https://auth.example.com" }
network             = { nat = "per_az", endpoints = ["kms"] }
tags                = { CostCentre = "42" }
usage_plans         = { free = { rate_limit = 5, quota = { limit = 100, period = "WEEK" } }, paid = { rate_limit = 500 } }
user_pool = {
  app_scopes     = ["report"]
  domain_prefix  = "every-test"
  machine_client = true
  scopes         = { report = "Reads reports" }
  self_sign_up   = true
}
validate_bodies_at_gateway = true
waf                        = { countries = ["DE", "FR"], rate_limit = 1000 }
website                    = {}
