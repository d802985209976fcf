variable "canary" {
  description = "A version that serves a part of the requests, and its weight from 0 to 1; null for no canary."
  type        = object({ version = string, weight = number })
}

variable "code_signing_config_arn" {
  description = "The ARN of the code signing configuration, or null for none."
  type        = string
}

variable "customer_key" {
  description = "Whether kms_key_arn is set. Unlike the ARN of a new key, this is known at plan time."
  type        = bool
}

variable "description" {
  description = "The function's description."
  type        = string
}

variable "environment" {
  description = "The function's environment variables."
  type        = map(string)
}

variable "handler" {
  description = "The module and function in the zip that Lambda calls."
  type        = string
}

variable "kms_key_arn" {
  description = "The ARN of the KMS key that encrypts the log group and the environment variables, or null for keys of AWS."
  type        = string
}

variable "live_version" {
  description = "The version that the alias points to, or null for the newest."
  type        = string
}

variable "log_retention_days" {
  description = "The days for which the log group keeps its events."
  type        = number
}

variable "memory_size" {
  description = "The memory in MB; Lambda allocates CPU in proportion to it."
  type        = number
}

variable "name" {
  description = "The name of the function and its log group."
  type        = string
}

variable "network" {
  description = "The subnets and security groups in which the function runs, or null for no VPC."
  type        = object({ security_group_ids = set(string), subnet_ids = set(string) })
}

variable "package" {
  description = "The path of the zip."
  type        = string
}

variable "permissions_boundary" {
  description = "The ARN of the role's permissions boundary, or null for none."
  type        = string
}

variable "reserved_concurrency" {
  description = "The concurrent invocations that the account reserves for this function, or null for none."
  type        = number
}

variable "role_name" {
  description = "The name of the function's role. It has to be unique in the account, in all regions."
  type        = string
}

variable "runtime" {
  description = "Lambda's name for the runtime, such as \"python3.13\"."
  type        = string
}

variable "scope" {
  description = "The AWS account, region, partition and DNS suffix, for ARNs and service names."
  type        = object({ account_id = string, dns_suffix = string, partition = string, region = string })
}

variable "snap_start" {
  description = "Whether published versions start from a snapshot."
  type        = bool
}

variable "source_code_hash" {
  description = "The SHA-256 digest of the zip, in base64."
  type        = string
}

variable "statements" {
  description = "IAM statements for the function's role. Permissions for logs and traces are added."
  type        = list(object({ actions = list(string), resources = list(string), sid = string }))
}

variable "tags" {
  description = "Tags for all resources, in addition to the provider's default_tags; null for none."
  type        = map(string)
}

variable "timeout" {
  description = "The time limit of an invocation, in seconds."
  type        = number
}

variable "uses_queues" {
  description = "Whether the function sends to or receives from queues that the customer key encrypts."
  type        = bool
}
