# Everyone's own notes: who signs in sees and changes what is theirs, and to others it is not there. Anyone may sign up.
name        = "notes"
environment = "demo"

entities = {
  notes = {
    access  = { default = "cognito" }
    filters = { pinned = {}, tag = { sort = "title" } }
    owner   = "sub"
    schema  = "schemas/note.json"
  }
}

user_pool = { self_sign_up = true }
