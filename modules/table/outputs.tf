output "name" {
  description = "Name of the table."
  value       = aws_dynamodb_table.this.name
}

output "stream_arn" {
  description = "The table's stream of changes."
  value       = aws_dynamodb_table.this.stream_arn
}
