# Existing resources of a security or platform team, and all features that cost money: a system that
# needs no skips in the policy scan.
name        = "shop"
environment = "test"
region      = "us-west-2"

alarms                  = { topic_arn = "arn:aws:sns:us-west-2:123456789012:on-call" }
audit                   = {}
backup                  = { monthly_days = 365 }
budget                  = { emails = ["team@example.com"], monthly = 50 }
code_signing_config_arn = "arn:aws:lambda:us-west-2:123456789012:code-signing-config:csc-0123456789abcdef0"
deletion_protection     = true
entities                = { todos = { access = { default = "cognito" }, operations = ["create", "get"] } }
log_bucket              = "example-access-logs"
user_pool = {
  email = { from = "Shop <no-reply@example.com>", source_arn = "arn:aws:ses:us-west-2:123456789012:identity/example.com" }
}
waf = { countries = ["DE"] }
website = {
  aliases         = ["console.example.com"]
  certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/0a-1b"
  web_acl_arn     = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/edge/0a-1b"
}
