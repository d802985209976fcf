# An API for companies: each tenant has its own projects and tasks. An external issuer signs the
# tokens, not a user pool.
name        = "tenants"
environment = "demo"
network     = null # functions outside of a VPC, as the one that verifies tokens always is

# The claim tenant_id names a user's tenant. Whoever can set the claim chooses the tenant, so only
# the issuer must set it.
jwt = {
  audiences    = ["https://api.example.com"]
  groups_claim = "https://example.com/groups"
  issuer       = "https://login.example.com/"
}

# The support team belongs to no tenant. It reads the items of all tenants, and its leads, who are
# in both groups, also change them.
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
