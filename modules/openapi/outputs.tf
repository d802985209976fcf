output "document" {
  description = "The OpenAPI 3.0 document, as JSON."
  value = jsonencode({
    openapi = "3.0.3"
    info    = { title = var.title, description = var.description, version = "1" }
    # Relative to where the document is served: the API's own address, whatever the stage, the domain or the base path.
    servers = [{ url = "." }]
    tags    = [for name in keys(var.entities) : { name = name, description = "The collection /${var.entities[name].path}" }]
    paths   = local.paths
    # Only what something refers to: a linter takes the rest for a mistake.
    components = {
      headers         = { for name, header in local.headers : name => header if strcontains(jsonencode([local.paths, local.responses]), "/headers/${name}\"") }
      parameters      = { for name, parameter in local.parameters : name => parameter if strcontains(jsonencode(local.paths), "/parameters/${name}\"") }
      responses       = { for name, response in local.responses : name => response if strcontains(jsonencode(local.paths), "/responses/${name}\"") }
      schemas         = merge(local.schemas...)
      securitySchemes = { for scheme, s in local.security_schemes : scheme => s if contains(local.calls[*].access, scheme) }
    }
  })
}

output "models" {
  description = "What a whole item's body has to be, by entity: a JSON Schema of draft 4, as text."
  value       = { for name, rules in local.rules : name => jsonencode(rules) }
}
