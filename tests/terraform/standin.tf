# What locals.tf takes from AWS, for refused.tftest.hcl: no validation asks for it.
locals {
  account   = "123456789012"
  partition = "aws"
}
