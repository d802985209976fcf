# Like production, but it has no alarms, it can be destroyed, and its key can be recovered for only
# a week after that.
name        = "trestle"
environment = "dev"

entities = { items = {} }

encryption = { deletion_window_in_days = 7 }
