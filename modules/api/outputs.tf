output "id" {
  description = "The REST API."
  value       = aws_api_gateway_rest_api.this.id
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
