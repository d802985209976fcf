# Like production, but without alarms, web console and deletion protection. After a destroy, its
# encryption key can be recovered for a week instead of 30 days.
name        = "trestle"
environment = "dev"

entities = { items = {} }

encryption = { deletion_window_in_days = 7 }
