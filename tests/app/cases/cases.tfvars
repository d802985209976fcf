# A shop whose functions are ten use cases of own code: tests/app/test_cases.py runs them.
name        = "cases"
environment = "test"
network     = null

entities = {
  orders = {
    access = { default = "cognito" }
    owner  = "sub"
    schema = "schemas/order.json"
  }
  accounts = { ids = "client", operations = [], schema = "schemas/account.json" }
  claims   = { ids = "client", operations = [], list = "unordered" }
  pictures = { access = { default = "open" }, ids = "client", operations = ["get"], schema = "schemas/picture.json" }
  reports  = { access = { default = "api_key" }, ids = "client", operations = ["get", "list"] }
  slots    = { access = { default = "open" }, ids = "client", operations = ["create", "delete", "get"], list = "unordered" }
}

functions = {
  # Checkout by card through an external provider.
  checkout = {
    egress = true
    routes = {
      "POST /orders/{id}/pay" = {
        access  = "cognito"
        answers = { "200" = "schemas/receipt.json" }
        body    = "schemas/payment.json"
        call    = "pay"
      }
    }
    secrets  = { provider = "arn:aws:secretsmanager:us-east-1:111122223333:secret:provider-AbCdEf" }
    settings = { PROVIDER = "https://payments.example.com" }
    uses     = { orders = ["get", "merge"] }
  }
  # Times of a table that must not overlap: several ids claimed at once.
  tables = {
    routes = { "POST /tables/{id}/slots" = { access = "open", body = "schemas/reservation.json", call = "reserve" } }
    uses   = { slots = ["create"] }
  }
  # Mail on a change.
  mail = {
    changes = {
      orders = [{ kind = "created" }, { kind = "updated", becomes = { status = "paid" } }]
    }
    statements = [{ actions = ["ses:SendEmail"], resources = ["arn:aws:ses:us-east-1:111122223333:identity/example.com"] }]
    settings   = { SENDER = "shop@example.com" }
  }
  # Exactly once: points for each paid order, by claiming change.id.
  points = {
    changes = { orders = [{ kind = "updated", becomes = { status = "paid" } }] }
    uses    = { accounts = ["create", "get", "merge"], claims = ["create"] }
  }
  # A report of every night over as many orders as there are.
  report = {
    owners   = "any"
    schedule = "cron(0 3 * * ? *)"
    timeout  = 900
    uses     = { orders = ["list"], reports = ["create"] }
  }
  # Uploads by presigned URLs, and the event of S3 once a picture is there.
  uploads = {
    routes     = { "POST /pictures" = { access = "cognito", call = "sign" } }
    settings   = { BUCKET = "shop-pictures" }
    statements = [{ actions = ["s3:PutObject"], resources = ["arn:aws:s3:::shop-pictures/*"] }]
  }
  uploaded = {
    code = "uploads:uploaded"
    event = {
      detail = { "bucket.name" = ["shop-pictures"] }
      source = "aws.s3"
      types  = ["Object Created"]
    }
    uses = { pictures = ["create"] }
  }
  # Incoming webhooks. With a queue the sender gets its response before the work is done.
  webhooks = {
    routes  = { "POST /webhooks/provider" = { accepts = ["application/json"], access = "open", call = "receive" } }
    secrets = { signing = "arn:aws:secretsmanager:us-east-1:111122223333:secret:signing-AbCdEf" }
    sends   = ["settle"]
  }
  settle = {
    code   = "webhooks:settle"
    owners = "any"
    queue  = { attempts = 3, backoff = "10s-1m" }
    uses   = { orders = ["get", "merge"] }
  }
  # Outgoing webhooks, through a queue with backoff.
  deliver = {
    egress  = true
    queue   = { attempts = 12, backoff = "1m-4h" }
    secrets = { outgoing = "arn:aws:secretsmanager:us-east-1:111122223333:secret:outgoing-AbCdEf" }
  }
  # A route with a query of types.
  quotes = {
    routes = { "GET /quotes" = { access = "open", call = "quote", query = "schemas/quote-query.json" } }
  }
  # A job that runs once, by hand.
  backfill = {
    owners = "any"
    uses   = { orders = ["get", "list", "merge"] }
  }
}
