output "backend" {
  description = "What environments/*.s3.tfbackend needs: the bucket of the state, and its region."
  value       = { bucket = aws_s3_bucket.state.bucket, region = var.region }
}

output "deploy_role_arn" {
  description = "AWS_ROLE_ARN: the role CI takes to deploy, or null without a repository."
  value       = one([for key, role in aws_iam_role.ci : role.arn if key == "deploy"])
}

output "log_role_arn" {
  description = "The role by which API Gateway writes logs, in this account and region."
  value       = aws_api_gateway_account.this.cloudwatch_role_arn
}

output "permissions_boundary" {
  description = "What environments/*.tfvars set as permissions_boundary where CI deploys: it makes no role without."
  value       = one(aws_iam_policy.boundary[*].arn)
}

output "plan_role_arn" {
  description = "AWS_PLAN_ROLE_ARN: the role CI takes to plan for pull requests, or null without a repository."
  value       = one([for key, role in aws_iam_role.ci : role.arn if key == "plan"])
}
