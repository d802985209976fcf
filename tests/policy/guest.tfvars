# Existing resources of a company, added to examples/tenants.tfvars: a VPC, a key, a topic, a log
# bucket, signed code, a firewall and a domain.
alarms                  = { topic_arn = "arn:aws:sns:us-west-2:123456789012:on-call" }
audit                   = {}
code_signing_config_arn = "arn:aws:lambda:us-west-2:123456789012:code-signing-config:csc-0123456789abcdef0"
deletion_protection     = true
domain = {
  certificate_arn = "arn:aws:acm:us-west-2:123456789012:certificate/0a-1b"
  name            = "api.example.com"
}
encryption = { key_arn = "arn:aws:kms:us-west-2:123456789012:key/0a-1b" }
log_bucket = "example-access-logs"
network    = { subnet_ids = ["subnet-00000001", "subnet-00000002"], vpc_id = "vpc-00000001" }
region     = "us-west-2"
waf        = {}
website    = { web_acl_arn = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/edge/0a-1b" }
