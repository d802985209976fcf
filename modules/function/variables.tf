variable "canary" {
  description = "A version that answers a part of the requests, and how large a part, from 0 to 1; or null for none."
  type        = object({ version = string, weight = number })
}

variable "code_signing_config_arn" {
  description = "A code signing configuration, which says who has to have signed the package; or null for none."
  type        = string
}

variable "customer_key" {
  description = "Whether kms_key_arn encrypts: known before the key is."
  type        = bool
}

variable "description" {
  description = "What the function does."
  type        = string
}

variable "environment" {
  description = "Environment variables."
  type        = map(string)
}

variable "handler" {
  description = "The zip's module and function that Lambda calls."
  type        = string
}

variable "kms_key_arn" {
  description = "The key that encrypts the log group and the environment, or null for one that AWS owns."
  type        = string
}

variable "live_version" {
  description = "The version that answers, or null for the newest."
  type        = string
}

variable "log_retention_days" {
  description = "How long the log group keeps its events, in days."
  type        = number
}

variable "memory_size" {
  description = "Memory in MB; processor time grows with it."
  type        = number
}

variable "name" {
  description = "Name of the function, its role and its log group."
  type        = string
}

variable "network" {
  description = "Subnets and security groups to run in, or null for no VPC."
  type        = object({ security_group_ids = set(string), subnet_ids = set(string) })
}

variable "package" {
  description = "Path of the zip."
  type        = string
}

variable "permissions_boundary" {
  description = "ARN of the policy that bounds the role, or null."
  type        = string
}

variable "reserved_concurrency" {
  description = "Invocations at once, taken out of the account's pool for this function alone; or null."
  type        = number
}

variable "role_name" {
  description = "Name of the function's role. All regions of the account share names of roles."
  type        = string
}

variable "runtime" {
  description = "Lambda's name of the runtime, such as \"python3.13\"."
  type        = string
}

variable "scope" {
  description = "The account, region, partition and DNS suffix of AWS that ARNs and service names are composed of."
  type        = object({ account_id = string, dns_suffix = string, partition = string, region = string })
}

variable "snap_start" {
  description = "Whether published versions start from a snapshot."
  type        = bool
}

variable "source_code_hash" {
  description = "SHA-256 of the zip, in base64."
  type        = string
}

variable "statements" {
  description = "What the function may do, besides writing its logs and traces."
  type        = list(object({ actions = list(string), resources = list(string), sid = string }))
}

variable "tags" {
  description = "Tags for each resource, beside those that the provider adds by itself; null for none."
  type        = map(string)
}

variable "timeout" {
  description = "Seconds an invocation may take."
  type        = number
}

variable "uses_queues" {
  description = "Whether the function sends to or receives from queues under the customer key."
  type        = bool
}
