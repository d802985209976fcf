# What locals.tf takes from main.tf, for those who read variables without AWS: no validation depends on it.
locals {
  account         = "123456789012"
  contract_folder = "${path.module}/contract"
  dns_suffix      = "amazonaws.com"
  partition       = "aws"
}
