# Like production, but it can be destroyed and created again.
name        = "trestle"
environment = "staging"

entities = { items = {} }

alarms  = {}
website = {}
