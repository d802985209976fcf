# As production, but a release can be torn down and built anew.
name        = "trestle"
environment = "staging"

entities = { items = {} }

alarms  = {}
website = {}
