output "backend" {
  description = "The state bucket and its region, for environments/*.s3.tfbackend."
  value       = { bucket = aws_s3_bucket.state.bucket, region = var.region }
}

output "deploy_role_arns" {
  description = "The value of AWS_ROLE_ARN for each GitHub environment: the role that CI assumes to deploy it. Empty without a repository."
  value       = { for environment in local.environments : environment => aws_iam_role.ci["deploy-${environment}"].arn }
}

output "log_bucket_statements" {
  description = "The statements that the policy of log_bucket needs for the state bucket's access log."
  value = [for bucket in var.log_bucket[*] : {
    Sid       = "StateAccessLog"
    Effect    = "Allow"
    Principal = { Service = "logging.s3.amazonaws.com" }
    Action    = "s3:PutObject"
    Resource  = "arn:${local.partition}:s3:::${bucket}/s3/${local.state_bucket}/*"
    Condition = {
      ArnEquals    = { "aws:SourceArn" = "arn:${local.partition}:s3:::${local.state_bucket}" }
      StringEquals = { "aws:SourceAccount" = local.account }
    }
  }]
}

output "log_role_arn" {
  description = "The role with which API Gateway writes logs in this account and region."
  value       = aws_api_gateway_account.this.cloudwatch_role_arn
}

output "permissions_boundaries" {
  description = "The values for permissions_boundary in environments/ENV.tfvars, by environment. CI creates roles only with this boundary."
  value       = { for environment, policy in aws_iam_policy.boundary : environment => policy.arn }
}

output "plan_role_arn" {
  description = "The value of AWS_PLAN_ROLE_ARN: the role that CI assumes to plan for pull requests, or null without a repository."
  value       = one([for key, role in aws_iam_role.ci : role.arn if key == "plan"])
}
