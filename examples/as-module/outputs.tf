output "api_url" {
  description = "Where the API answers."
  value       = module.api.api_url
}

output "table_names" {
  description = "Names of the tables, by entity."
  value       = module.api.table_names
}
