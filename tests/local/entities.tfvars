# One entity of each kind that differs over HTTP.
entities = {
  items  = {}
  drafts = { access = { default = "open" }, ids = "client", path = "v1/drafts", put = "merge" }
  events = { access = { default = "open" }, list = "unordered", operations = ["create", "get", "list"] }
}

# Two callers, so that one can be told from the other.
api_keys = { default = "standard", other = "standard" }
