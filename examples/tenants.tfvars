# An API for companies: each tenant has projects and tasks of its own. Another issuer than a user pool signs the tokens.
name        = "tenants"
environment = "demo"
network     = null # functions outside of a VPC, as the one that verifies tokens always is

# The claim tenant_id says for which tenant a user works. Whoever can set it chooses the tenant: let the issuer do so.
jwt = {
  audiences    = ["https://api.example.com"]
  groups_claim = "https://example.com/groups"
  issuer       = "https://login.example.com/"
}

# The support team belongs to no tenant. It reads the items of all, and its leads, who are in both groups, write for tenants.
entities = {
  projects = {
    access   = { default = "jwt" }
    acts_for = "group=support-lead"
    fields   = { internalNotes = { read = "group=support", write = "group=support-lead" } } # no tenant sees them
    filters  = { status = { sort = "name" } }
    owner    = "claim:tenant_id"
    schema   = "schemas/project.json"
    sees_all = "group=support"
  }
  tasks = {
    access   = { default = "jwt" }
    acts_for = "group=support-lead"
    filters  = { projectId = {} }
    owner    = "claim:tenant_id"
    schema   = "schemas/task.json"
    sees_all = "group=support"
  }
}
