# One collection at the root of the API, for callers with an API key on one of two usage plans. The
# functions run in a VPC without a route to the internet.
name        = "movies"
environment = "demo"

entities = {
  movies = {
    access  = { default = "api_key" }
    filters = { year = { sort = "title" } }
    ids     = "client"
    path    = "/"
    schema  = "schemas/movie.json"
  }
}

network = { nat = "none" }

api_keys = { premium = "premium", standard = "standard" }
usage_plans = {
  premium  = { rate_limit = 100, burst_limit = 200, quota = { limit = 50000, period = "DAY" } }
  standard = { rate_limit = 50, burst_limit = 100, quota = { limit = 10000, period = "DAY" } }
}
