# Rooms and bookings: rules in Python that run inside operations. No two bookings have the same night of a room.
name        = "bookings"
environment = "demo"

entities = {
  rooms = {
    access = { default = "api_key", get = "open", list = "open" }
    schema = "schemas/room.json"
  }
  bookings = {
    access       = { default = "cognito" }
    owner_scoped = true
    schema       = "schemas/booking.json"
    hooks = {
      code = "bookings"
      uses = {
        before_create = { rooms = ["get"], nights = ["create"] }
        before_delete = { nights = ["delete"] }
      }
    }
  }
  # Taken nights. Only hooks write them, so they have no operations of their own.
  nights = {
    ids        = "client"
    list       = "unordered"
    operations = []
    schema     = "schemas/night.json"
  }
}

user_pool = { self_sign_up = true }
