# As production, but it can be torn down, wakes nobody, and keeps the lost key of one that was for a week alone.
name        = "trestle"
environment = "dev"

entities = { items = {} }

encryption = { deletion_window_in_days = 7 }
