# Personal notes: signed-in users read and change only their own notes, and others' notes return
# 404. Anyone may sign up.
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
