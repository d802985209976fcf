# What the root says to modules/service, for those who read its variables without the root.
project = "."
