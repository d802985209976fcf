# Rooms and bookings, with rules inside operations and with your own functions. Two bookings never
# share a night of a room.
name        = "bookings"
environment = "demo"
network     = null # functions outside of a VPC reach queues, secrets and receivers of webhooks without a NAT gateway

entities = {
  rooms = {
    access = { default = "api_key", get = "open", list = "open" }
    schema = "schemas/room.json"
  }
  bookings = {
    access = { default = "cognito" }
    owner  = "sub"
    schema = "schemas/booking.json"
    hooks = {
      code = "bookings"
      uses = {
        before_create = { rooms = ["get"], nights = ["create"], guests = ["create"] }
        before_delete = { nights = ["delete"], guests = ["delete"] }
      }
    }
  }
  # Booked nights. Only your own code uses them, so the API has no operations for them.
  nights = {
    ids        = "client"
    list       = "unordered"
    operations = []
    schema     = "schemas/night.json"
  }
  # The guest of each booking, for staff who know only the booking's id.
  guests = {
    ids        = "client"
    list       = "unordered"
    operations = []
    schema     = "schemas/guest.json"
  }
  # Notices to guests. The function "notify" writes them, each with the id of its change.
  notices = {
    access     = { default = "cognito" }
    ids        = "client"
    operations = ["delete", "get", "list"]
    owner      = "sub"
    schema     = "schemas/notice.json"
  }
}

functions = {
  cancel = {
    owners = "any" # staff cancel bookings of others
    routes = {
      "POST /bookings/{id}/cancel" = {
        access  = "cognito"
        answers = { "200" = "schemas/booking.json" }
        call    = "cancel"
        summary = "Cancel a booking"
      }
    }
    uses = { bookings = ["get", "merge"], guests = ["get"], nights = ["delete"] }
  }
  tickets = {
    routes = {
      "GET /bookings/{id}/ticket.svg" = { access = "cognito", call = "ticket", summary = "Get a booking's QR code" }
    }
    uses = { bookings = ["get"] }
  }
  notify = {
    changes = { bookings = [{ kind = "created" }, { kind = "updated", becomes = { status = "cancelled" } }] }
    owners  = "any"
    sends   = ["webhook"]
    uses    = { notices = ["create"] }
  }
  webhook = {
    code    = "webhook:deliver"
    egress  = true
    queue   = { attempts = 8, backoff = "10s-1h" }
    secrets = { webhook = "arn:aws:secretsmanager:us-west-2:111122223333:secret:bookings-webhook-AbCdEf" }
    # The receiver of webhooks, such as "https://example.com/hooks". While it is empty, no webhook
    # is sent.
    settings = { WEBHOOK_URL = "" }
  }
  nightly = {
    owners   = "any"
    schedule = "cron(0 3 * * ? *)"
    timeout  = 900
    uses     = { bookings = ["list", "merge"], nights = ["delete"] }
  }
}

user_pool = { groups = ["staff"], self_sign_up = true }
