output "backend" {
  description = "What environments/*.s3.tfbackend needs: the bucket of the state, and its region."
  value       = { bucket = aws_s3_bucket.state.bucket, region = var.region }
}

output "deploy_role_arns" {
  description = "AWS_ROLE_ARN of each of GitHub's environments: the role CI takes to deploy it. None without a repository."
  value       = { for environment in local.environments : environment => aws_iam_role.ci["deploy-${environment}"].arn }
}

output "log_bucket_statements" {
  description = "What the policy of log_bucket needs for the state bucket's access log."
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
  description = "The role by which API Gateway writes logs, in this account and region."
  value       = aws_api_gateway_account.this.cloudwatch_role_arn
}

output "permissions_boundaries" {
  description = "What environments/ENV.tfvars sets as permissions_boundary where CI deploys, by environment: it makes no role without."
  value       = { for environment, policy in aws_iam_policy.boundary : environment => policy.arn }
}

output "plan_role_arn" {
  description = "AWS_PLAN_ROLE_ARN: the role CI takes to plan for pull requests, or null without a repository."
  value       = one([for key, role in aws_iam_role.ci : role.arn if key == "plan"])
}
