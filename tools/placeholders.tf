# What locals.tf takes from AWS, for those who read variables without it: no variable is judged by this.
locals {
  account   = "123456789012"
  partition = "aws"
}
