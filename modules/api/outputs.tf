output "id" {
  description = "The id of the REST API."
  value       = aws_api_gateway_rest_api.this.id
}

output "log_group" {
  description = "The log group of the access log."
  value       = aws_cloudwatch_log_group.access.name
}

output "name" {
  description = "The API's name, by which its metrics are identified."
  value       = aws_api_gateway_rest_api.this.name
}

output "private_urls" {
  description = "The URLs of a private API, by VPC endpoint; none for an API on the internet."
  value       = local.private_urls
}

output "stage" {
  description = "The stage's name."
  value       = aws_api_gateway_stage.this.stage_name
}

output "stage_arn" {
  description = "The stage's ARN."
  value       = aws_api_gateway_stage.this.arn
}

output "url" {
  description = "The stage's URL; for a private API, the URL at its first endpoint."
  value       = var.vpc_endpoint_ids == null ? aws_api_gateway_stage.this.invoke_url : values(local.private_urls)[0]
}
