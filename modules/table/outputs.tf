output "name" {
  description = "The table's name."
  value       = aws_dynamodb_table.this.name
}

output "stream_arn" {
  description = "The ARN of the table's stream."
  value       = aws_dynamodb_table.this.stream_arn
}
