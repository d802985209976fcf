output "api_url" {
  description = "The API's URL."
  value       = module.api.api_url
}

output "table_names" {
  description = "The names of the tables, by entity."
  value       = module.api.table_names
}
