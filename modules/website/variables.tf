variable "access_log" {
  description = "Whether log_bucket also gets the distribution's access log."
  type        = bool
}

variable "aliases" {
  description = "The distribution's own domain names, of which the first is in its URL; empty for only CloudFront's."
  type        = list(string)
}

variable "api" {
  description = "The origin of /api: the API's host, and its path, such as \"/dev\", or \"\" at its own domain."
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
  description = "The page's configuration, as JSON."
  type        = string
}

variable "countries" {
  description = "The codes of the countries that may open the page, such as \"DE\"; empty for all."
  type        = set(string)
}

variable "distribution_header" {
  description = "The secret header that identifies the distribution to the API's firewall, or null without a firewall."
  type        = object({ name = string, value = string })
}

variable "log_bucket" {
  description = "The bucket that gets the access logs of the bucket and the distribution, or null for none."
  type        = string
}

variable "name" {
  description = "The name of CloudFront's named resources."
  type        = string
}

variable "price_class" {
  description = "The distribution's price class."
  type        = string
}

variable "scope" {
  description = "The AWS account, region, partition and DNS suffix, of which ARNs and service names are composed."
  type        = object({ account_id = string, dns_suffix = string, partition = string, region = string })
}

variable "sign_in_origins" {
  description = "The origins of the sign-in pages."
  type        = list(string)
}

variable "source_folder" {
  description = "The folder of the page's files."
  type        = string
}

variable "tags" {
  description = "Tags for all resources, besides those that the provider adds itself; null for none."
  type        = map(string)
}

variable "web_acl_arn" {
  description = "A web ACL of the scope CLOUDFRONT, or null."
  type        = string
}
