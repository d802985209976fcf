# Like production, but without deletion protection, so that it can be destroyed.
name        = "trestle"
environment = "staging"

entities = { items = {} }

alarms  = {}
website = {}
