# The rules for names in modules/service/locals.tf, because CI deploys resources with these names. A
# test compares the two.
locals {
  character_names = merge({ for capital in split("", "ABCDEFGHIJKLMNOPQRSTUVWXYZ") : capital => "the capital letter ${capital}" }, {
    " " = "a space", "\t" = "a tab", "\n" = "a line break", "\"" = "a quotation mark", "." = "a dot",
    "," = "a comma", ":" = "a colon", "/" = "a slash", "_" = "an underscore"
  })
  reserved_name = "^(?:(?:sthree|amzn-s3-demo|sg)(?:-|$)|xn--)"
  name_pattern  = "^[a-z][a-z0-9-]*[a-z0-9]$"
}
