output "backend" {
  description = "What environments/*.s3.tfbackend needs: the bucket of the state, and its region."
  value       = { bucket = aws_s3_bucket.state.bucket, region = var.region }
}

output "deploy_role_arn" {
  description = "The role CI takes to deploy, or null without a repository."
  value       = one(aws_iam_role.deploy[*].arn)
}

output "log_role_arn" {
  description = "The role by which API Gateway writes logs, in this account and region."
  value       = aws_api_gateway_account.this.cloudwatch_role_arn
}
