variable "bucket_arns" {
  description = "Buckets, as ARNs, that may be reached over the S3 endpoint."
  type        = list(string)
}

variable "cidr" {
  description = "Addresses of the VPC."
  type        = string
}

variable "endpoints" {
  description = "Services to reach by interface endpoints, such as kms."
  type        = set(string)
}

variable "kms_key_arn" {
  description = "The key that encrypts the flow logs, or null for one that AWS owns."
  type        = string
}

variable "log_retention_days" {
  description = "How long the flow logs are kept, in days."
  type        = number
}

variable "name" {
  description = "Name of the VPC, and prefix of what is in it."
  type        = string
}

variable "nat" {
  description = "none, single or per_az."
  type        = string
}

variable "permissions_boundary" {
  description = "ARN of the policy that bounds the flow logs' role, or null."
  type        = string
}

variable "private_subnets" {
  description = "Addresses of the private subnets, one per zone; null for two of them."
  type        = list(string)
}

variable "public_subnets" {
  description = "Addresses of the public subnets, one per zone; null for two of them."
  type        = list(string)
}

variable "role_name" {
  description = "Name of the flow logs' role. All regions of the account share names of roles."
  type        = string
}

variable "scope" {
  description = "The account, region, partition and DNS suffix of AWS that ARNs and service names are composed of."
  type        = object({ account_id = string, dns_suffix = string, partition = string, region = string })
}

variable "statements" {
  description = "What else may be asked of DynamoDB and S3 over their endpoints: statements of any services, of which these two count."
  type        = list(object({ actions = list(string), resources = list(string) }))
}

variable "table_actions" {
  description = "What the functions ask of DynamoDB, such as GetItem."
  type        = list(string)
}

variable "table_arns" {
  description = "Tables that may be reached over the DynamoDB endpoint."
  type        = list(string)
}

variable "tags" {
  description = "Tags for each resource, beside those that the provider adds by itself; null for none."
  type        = map(string)
}
