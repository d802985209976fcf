variable "functions" {
  description = <<-EOT
    Functions of your own, by name, beside the operations of entities. A function has one kind: routes, changes, queue, schedule or event;
    without any of these it runs when you call it: `make run`. Each attribute may be left out.
    changes: runs after changes of entities, by entity: kind is "created", "updated", "deleted" or "expired", and becomes the values that
      properties have then and had not before, such as { orders = [{ kind = "updated", becomes = { status = "shipped" } }] }.
    code: the module in app/, and the function in it, which is handle: "notify:deliver" is deliver() in app/notify.py. The function's name
      with _ for - by default.
    egress: whether it calls anything outside of AWS. In a VPC it then needs a way out.
    event: runs on events of EventBridge: their source, types, and values of their detail, such as { "bucket.name" = ["pictures"] }.
    fields: "caller" reads and writes what the caller of a route may, where entities have fields; "any" every property.
    imports: whether changes include those that `make import` makes.
    owners: "caller" reaches the caller's items in entities with owners; "any" those of every owner.
    queue: runs for each job that functions send to it. attempts: how often a job is tried; backoff: the first and the longest wait between
      attempts, such as "10s-1h". Jobs that fail go to the dead-letter queue.
    routes: routes of the API, such as "POST /orders/{id}/pay". call: the function in the module. access: as for entities. accepts: media
      types of the body, JSON by default. body, query, answers (by status): JSON Schemas under schemas/. summary, description: for the
      OpenAPI document.
    schedule: runs at times, such as "rate(1 day)" or "cron(0 3 * * ? *)", in UTC.
    secrets: ARNs of secrets in Secrets Manager, by the name that the code calls them.
    sends: names of functions with a queue, to which it may send jobs.
    settings: environment variables.
    statements: what else it may do in AWS: lists of actions and resources.
    timeout: seconds; 29 for routes, else 60 by default.
    uses: the operations on entities that the code may use, such as { orders = ["get", "merge"] }. A function without it reaches no table.
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
