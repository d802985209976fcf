# What locals.tf takes from main.tf, for those who read variables without AWS: no variable is judged by this.
locals {
  account         = "123456789012"
  contract_folder = "${path.module}/contract"
  partition       = "aws"
}
