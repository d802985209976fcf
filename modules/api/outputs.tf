output "id" {
  description = "The REST API."
  value       = aws_api_gateway_rest_api.this.id
}

output "log_group" {
  description = "The access log's group."
  value       = aws_cloudwatch_log_group.access.name
}

output "name" {
  description = "The API's name, which its metrics go by."
  value       = aws_api_gateway_rest_api.this.name
}

output "stage" {
  description = "The stage."
  value       = aws_api_gateway_stage.this.stage_name
}

output "stage_arn" {
  description = "The stage's ARN."
  value       = aws_api_gateway_stage.this.arn
}

output "url" {
  description = "Where the stage answers."
  value       = aws_api_gateway_stage.this.invoke_url
}
