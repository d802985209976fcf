# The values that locals.tf uses from main.tf, for reading variables without AWS. No validation
# depends on them.
locals {
  account         = "123456789012"
  contract_folder = "${path.module}/contract"
  dns_suffix      = "amazonaws.com"
  partition       = "aws"
}
