variable "access_log" {
  description = "Whether log_bucket gets the distribution's access log, too."
  type        = bool
}

variable "aliases" {
  description = "Names of your own that the distribution answers to, the first of which is its address; none for CloudFront's alone."
  type        = list(string)
}

variable "api" {
  description = "Where /api goes: the host of the API, and the path to it, such as \"/dev\", or \"\" at a domain of its own."
  type        = object({ host = string, path = string })
}

variable "bucket" {
  description = "The bucket's name."
  type        = string
}

variable "certificate_arn" {
  description = "The certificate for the aliases, in us-east-1, or null without them."
  type        = string
}

variable "config" {
  description = "What the page has to know, as JSON."
  type        = string
}

variable "countries" {
  description = "Who may come, by codes such as \"DE\"; empty for the whole world."
  type        = set(string)
}

variable "distribution_header" {
  description = "The secret header by which the API's firewall recognizes the distribution, or null without a firewall."
  type        = object({ name = string, value = string })
}

variable "log_bucket" {
  description = "The bucket that gets the access logs of the bucket and the distribution, or null for none."
  type        = string
}

variable "name" {
  description = "Name of what CloudFront keeps by name."
  type        = string
}

variable "price_class" {
  description = "Which of CloudFront's places serve it."
  type        = string
}

variable "scope" {
  description = "The account, region, partition and DNS suffix of AWS that ARNs and service names are composed of."
  type        = object({ account_id = string, dns_suffix = string, partition = string, region = string })
}

variable "sign_in_origins" {
  description = "Where the page gets tokens."
  type        = list(string)
}

variable "source_folder" {
  description = "The folder of the page's files."
  type        = string
}

variable "tags" {
  description = "Tags for each resource, beside those that the provider adds by itself; null for none."
  type        = map(string)
}

variable "web_acl_arn" {
  description = "A web ACL of the scope CLOUDFRONT, or null."
  type        = string
}
