output "account" {
  description = "The statement with which the account's IAM policies define who may use the key."
  value       = local.account
}

output "services" {
  description = "The statements for services that use the key with their own permissions."
  value       = local.services
}
