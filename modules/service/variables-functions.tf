variable "functions" {
  description = <<-EOT
    Your own functions, by name. A function has at most one of routes, changes, queue, schedule and event; without any, it runs only when
    you call `make run`. All attributes are optional.
    changes: runs the function after changes, by entity. kind: "created", "updated", "deleted" or "expired". becomes: values that properties
      have after the change but not before, such as { orders = [{ kind = "updated", becomes = { status = "shipped" } }] }.
    code: the module in app/, optionally with the function in it (default: handle). "notify:deliver" is deliver() in app/notify.py. The
      default is the function's name with _ for -.
    egress: whether the function calls anything outside of AWS. In a VPC this needs a NAT gateway or another way out.
    event: runs the function on EventBridge events by source, types and values of their detail, such as { "bucket.name" = ["pictures"] }.
    fields: the properties that the function may read and write, if entities have fields: "caller" for those of the route's caller, "any"
      for all.
    imports: whether changes include those by `make import`.
    owners: the items that the function reaches in entities with owners: "caller" for the caller's, "any" for those of all owners.
    queue: runs the function for each job that other functions send. attempts: the number of attempts. backoff: the first and the longest
      wait between attempts, such as "10s-1h". Failed jobs move to the dead-letter queue.
    routes: the API's routes that the function serves, such as "POST /orders/{id}/pay". call: the function in the module. access: as in
      entities. accepts: the body's media types, JSON by default. body, query, answers (by status): JSON Schemas under schemas/. summary,
      description: texts for the OpenAPI document.
    schedule: runs the function at times, such as "rate(1 day)" or "cron(0 3 * * ? *)", in UTC.
    secrets: ARNs of Secrets Manager secrets, by their names in the code.
    sends: the functions with a queue to which it may send jobs.
    settings: the values that the code reads with setting(), by name.
    statements: further permissions in AWS: lists of actions and resources.
    timeout: the time limit in seconds; 29 for routes, otherwise 60 by default.
    uses: the operations that the code may use, by entity, such as { orders = ["get", "merge"] }. Without it, the function reaches no table.
  EOT
  type = map(object({
    changes = optional(map(list(object({ becomes = optional(map(string), {}), kind = string }))))
    code    = optional(string)
    egress  = optional(bool, false)
    event = optional(object({
      bus    = optional(string, "default")
      detail = optional(map(set(string)), {})
      source = string
      types  = optional(set(string), [])
    }))
    fields               = optional(string, "caller")
    imports              = optional(bool, false)
    log_level            = optional(string, "INFO")
    memory_size          = optional(number, 256)
    owners               = optional(string, "caller")
    queue                = optional(object({ attempts = optional(number, 5), backoff = optional(string, "10s-1h") }))
    reserved_concurrency = optional(number)
    routes = optional(map(object({
      accepts     = optional(set(string), [])
      access      = optional(string)
      answers     = optional(map(string), {})
      body        = optional(string)
      call        = string
      description = optional(string)
      query       = optional(string)
      summary     = optional(string)
    })))
    schedule   = optional(string)
    secrets    = optional(map(string), {})
    sends      = optional(set(string), [])
    settings   = optional(map(string), {})
    statements = optional(list(object({ actions = set(string), resources = set(string) })), [])
    timeout    = optional(number)
    uses       = optional(map(set(string)), {})
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for f in values(var.functions) : f != null])
    error_message = join(" ", [for name, f in var.functions : "functions.${name} is null. Write ${name} = {}, or remove it." if f == null])
  }
}
