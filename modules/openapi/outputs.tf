output "document" {
  description = "The OpenAPI 3.0 document, as JSON."
  value = jsonencode({
    openapi = "3.0.3"
    info = {
      title       = var.title
      description = var.description
      version     = "1"
      contact     = var.info.contact
      license     = var.info.license
    }
    # Relative to the document. The gateway and `make openapi` replace it with the API's URL.
    servers = [{ url = "." }]
    tags    = local.used_tags
    paths   = local.paths
    # Only referenced components, since linters report unused ones.
    components = {
      headers = { for name, header in local.headers :
        name => header
        if strcontains(jsonencode([local.paths, local.used_responses]), "/headers/${name}\"")
      }
      parameters = { for name, parameter in local.parameters :
        name => parameter
        if strcontains(jsonencode(local.paths), "/parameters/${name}\"")
      }
      responses = local.used_responses
      schemas   = local.schemas
      securitySchemes = { for scheme, s in local.security_schemes :
        scheme => s
        if contains(concat(local.calls[*].access, [for r in values(var.routes) : r.access.kind]), scheme)
      }
    }
  })
}

locals {
  used_responses = { for name, response in local.responses :
    name => response
    if strcontains(jsonencode(local.paths), "/responses/${name}\"")
  }
}

output "models" {
  description = "The JSON Schema (draft 4, as text) of a whole item's body, by entity."
  # A body may contain the server's properties with any values.
  value = { for name, e in var.entities : name => jsonencode(merge(try(jsondecode(e.shapes.model), { type = "object" }), {
    properties = merge(try(jsondecode(e.shapes.model).properties, {}), { for property in keys(local.server_properties) : property => {} })
  })) }
}
