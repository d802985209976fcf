output "account" {
  description = "The statement that lets IAM policies of the account decide who uses the key."
  value       = local.account
}

output "services" {
  description = "Statements for the services that use the key in nobody's name."
  value       = local.services
}
