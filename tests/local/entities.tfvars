# One entity of each kind that behaves differently over HTTP.
entities = {
  items  = {}
  drafts = { access = { default = "open" }, ids = "client", path = "v1/drafts", put = "merge" }
  events = { access = { default = "open" }, list = "unordered", operations = ["create", "get", "list"] }
  ledger = { access = { default = "iam" }, functions = "per_entity", operations = ["create", "list"] }
  notes = {
    access    = { default = "cognito", delete = "cognito:group=admins", replace = "cognito:scope=import" }
    filters   = { pinned = {}, tag = { sort = "title" } }
    functions = "per_entity"
    ids       = "client"
    owner     = "sub"
    schema    = "schemas/note.json"
  }
  # An external issuer signs the tokens of its callers.
  shipments = {
    access     = { default = "jwt", create = "jwt:scope=shipments:write", delete = "jwt:group=Human Resources" }
    functions  = "per_entity"
    operations = ["create", "delete", "get", "list"]
  }
  # Properties with rules for reading and writing.
  staff = {
    access = { default = "cognito" }
    fields = {
      address = { read = "nobody" }
      email   = { write = "group=hr" }
      phone   = { read = "group=hr", write = "group=hr" }
    }
    filters    = { phone = {} }
    functions  = "per_entity"
    operations = ["create", "get", "list", "merge", "replace"]
    schema     = "schemas/customer.json"
  }
}

# Two callers to distinguish, and one with a small quota.
api_keys    = { default = "standard", other = "standard", trial = "trial" }
usage_plans = { standard = { quota = { limit = 10000 } }, trial = { quota = { limit = 2 } } }
jwt         = { audiences = ["https://api.example.com"], issuer = "https://issuer.example.com/" }
user_pool   = { domain_prefix = "trestle-tests", machine_client = true }
