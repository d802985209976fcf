output "alias" {
  description = "The alias that callers invoke."
  value       = aws_lambda_alias.live.name
}

output "log_group" {
  description = "The function's log group."
  value       = aws_cloudwatch_log_group.this.name
}

output "name" {
  description = "The function's name."
  value       = aws_lambda_function.this.function_name
}

output "role_arn" {
  description = "The ARN of the function's role."
  value       = aws_iam_role.this.arn
}
