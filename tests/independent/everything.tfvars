# All features at once, so that each kind of resource is created by each kind of request. Events come from the default bus,
# because an emulator refuses a bus that does not exist.
name        = "every"
environment = "test"
region      = "us-west-2"

entities = {
  notes = {
    access    = { default = "cognito", delete = "cognito:group=admins", replace = "cognito:scope=import" }
    acts_for  = "group=admins"
    fields    = { pinned = { write = "owner" }, text = { read = "group=readers", write = "scope=import" } }
    filters   = { pinned = {}, tag = { sort = "title" } }
    functions = "per_entity"
    ids       = "client"
    owner     = "sub"
    schema    = "schemas/note.json"
    sees_all  = "group=admins"
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
  rooms = {
    access = { default = "api_key" }
    schema = "schemas/room.json"
  }
  bookings = {
    access = { default = "cognito" }
    hooks = {
      code = "bookings"
      uses = {
        before_create = { rooms = ["get"], nights = ["create"], guests = ["create"] }
        before_delete = { nights = ["delete"], guests = ["delete"] }
      }
    }
    owner  = "sub"
    schema = "schemas/booking.json"
  }
  guests   = { ids = "client", list = "unordered", operations = [], schema = "schemas/guest.json" }
  nights   = { ids = "client", list = "unordered", operations = [], schema = "schemas/night.json" }
  sessions = { access = { default = "api_key" }, ttl = "expiresAt" }
}

# A function of each kind.
functions = {
  cancel = {
    fields    = "any"
    log_level = "WARNING"
    owners    = "any"
    routes = {
      "POST /bookings/{id}/cancel" = {
        access      = "cognito:group=admins"
        answers     = { "200" = "schemas/booking.json" }
        body        = "schemas/note.json"
        call        = "cancel"
        description = "Cancel a booking, with a note for its guest."
        query       = "schemas/guest.json"
        summary     = "Cancel a booking"
      }
      "POST /bookings/cancel" = { accepts = ["text/csv"], access = "jwt:scope=bookings", call = "cancel" }
    }
    uses = { bookings = ["get", "merge"], guests = ["get"], nights = ["delete"] }
  }
  notify = {
    changes = {
      bookings = [{ kind = "created" }, { kind = "updated", becomes = { status = "cancelled" } }]
      sessions = [{ kind = "expired" }]
    }
    imports = true
    owners  = "any"
    sends   = ["webhook"]
  }
  webhook = {
    code                 = "webhook:deliver"
    egress               = true
    memory_size          = 512
    queue                = { attempts = 8, backoff = "10s-1h" }
    reserved_concurrency = 5
    secrets              = { webhook = "arn:aws:secretsmanager:us-west-2:000000000000:secret:every-webhook-AbCdEf" }
    settings             = { WEBHOOK_URL = "https://example.com/hooks" }
    statements           = [{ actions = ["sns:Publish"], resources = ["arn:aws:sns:us-west-2:000000000000:every-news"] }]
    timeout              = 30
  }
  nightly = {
    owners   = "any"
    schedule = "cron(0 3 * * ? *)"
    uses     = { bookings = ["list", "merge"], nights = ["delete"] }
  }
  pictures = {
    code  = "webhook:deliver"
    event = { detail = { "bucket.name" = ["every-pictures"] }, source = "aws.s3", types = ["Object Created"] }
  }
}

alarms              = { emails = ["on-call@example.com"] }
api_keys            = { app = "free", partner = "paid" }
audit               = { retention_years = 2 }
backup              = { monthly_days = 365 }
budget              = { emails = ["team@example.com"], monthly = 50 }
cors_origins        = ["https://app.example.com", "https://admin.example.com"]
deletion_protection = false
docs                = "api_key"
info = {
  contact = { name = "Every team", email = "every@example.com", url = "https://example.com/every" }
  license = { name = "Example licence", url = "https://example.com/licence" }
}
jwt = {
  audiences     = ["https://api.example.com"]
  client_id     = "console"
  client_scopes = ["bookings"]
  function      = { log_level = "WARNING", memory_size = 1024, reserved_concurrency = 5 }
  groups_claim  = "https://example.com/groups"
  issuer        = "https://auth.example.com"
}
log_retention_days = 30
network            = { nat = "per_az", endpoints = ["kms", "secretsmanager", "sqs"] }
tags               = { CostCentre = "42" }
usage_plans        = { free = { rate_limit = 5, quota = { limit = 100, period = "WEEK" } }, paid = { rate_limit = 500 } }
user_pool = {
  app_scopes    = ["report"]
  callback_urls = ["https://app.example.com/signed-in"]
  domain_prefix = "every-test"
  email = {
    from       = "Every <no-reply@example.com>"
    reply_to   = "support@example.com"
    source_arn = "arn:aws:ses:us-west-2:000000000000:identity/example.com"
  }
  groups                  = ["editors"]
  logout_urls             = ["https://app.example.com/signed-out"]
  machine_client          = true
  mfa                     = "ON"
  password_minimum_length = 16
  scopes                  = { report = "Reads reports" }
  self_sign_up            = true
  tokens                  = { access_minutes = 30, refresh_days = 7 }
}
validate_bodies_at_gateway = true
waf                        = { countries = ["DE", "FR"], rate_limit = 1000 }
website                    = {}
