variable "bucket_arns" {
  description = "The ARNs of buckets that may be reached through the S3 endpoint."
  type        = list(string)
}

variable "cidr" {
  description = "The VPC's CIDR block."
  type        = string
}

variable "endpoints" {
  description = "The services with interface endpoints, such as kms."
  type        = set(string)
}

variable "kms_key_arn" {
  description = "The key that encrypts the flow logs, or null for one that AWS owns."
  type        = string
}

variable "log_retention_days" {
  description = "The days for which flow logs are kept."
  type        = number
}

variable "name" {
  description = "The name of the VPC, and the prefix of the names of its resources."
  type        = string
}

variable "nat" {
  description = "The NAT gateways: none, single or per_az."
  type        = string
}

variable "permissions_boundary" {
  description = "The ARN of the permissions boundary of the flow logs' role, or null."
  type        = string
}

variable "private_subnets" {
  description = "The CIDR blocks of the private subnets, one per zone; null for subnets in two zones."
  type        = list(string)
}

variable "public_subnets" {
  description = "The CIDR blocks of the public subnets, one per zone; null for subnets in two zones."
  type        = list(string)
}

variable "role_name" {
  description = "The name of the flow logs' role. All regions of an account share role names."
  type        = string
}

variable "scope" {
  description = "The AWS account, region, partition and DNS suffix, of which ARNs and service names are composed."
  type        = object({ account_id = string, dns_suffix = string, partition = string, region = string })
}

variable "statements" {
  description = "Further permissions for DynamoDB and S3 through their endpoints, as statements. Those for other services are ignored."
  type        = list(object({ actions = list(string), resources = list(string) }))
}

variable "table_actions" {
  description = "The DynamoDB actions that functions use, such as GetItem."
  type        = list(string)
}

variable "table_arns" {
  description = "The tables that may be reached through the DynamoDB endpoint."
  type        = list(string)
}

variable "tags" {
  description = "Tags for all resources, besides those that the provider adds itself; null for none."
  type        = map(string)
}
