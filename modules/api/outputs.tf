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

output "private_urls" {
  description = "Where a private API answers, by VPC endpoint; none for one on the internet."
  value       = local.private_urls
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
  description = "Where the stage answers; of a private API the address of its first endpoint."
  value       = var.vpc_endpoint_ids == null ? aws_api_gateway_stage.this.invoke_url : values(local.private_urls)[0]
}
