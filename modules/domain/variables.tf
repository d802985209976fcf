variable "api_id" {
  description = "The id of the REST API."
  type        = string
}

variable "certificate_arn" {
  description = "The ACM certificate for the name, in the API's region, or null to create one."
  type        = string
}

variable "name" {
  description = "The domain name, such as \"api.example.com\"."
  type        = string
}

variable "stage" {
  description = "The stage that the name serves."
  type        = string
}

variable "tags" {
  description = "Tags for all resources, besides those that the provider adds itself; null for none."
  type        = map(string)
}

variable "truststore" {
  description = <<-EOT
    The authorities whose client certificates are accepted, or null if callers need no certificate.
    ownership_certificate_arn: a certificate for the name that ACM itself issued, if certificate_arn was imported or is of a private
      authority; or null.
    uri: the authorities' certificates, as s3://BUCKET/KEY.
    version: of that object, or null for the newest.
  EOT
  type        = object({ ownership_certificate_arn = string, uri = string, version = string })
}

variable "zone_id" {
  description = "The hosted zone of Route 53 for the DNS records, or null with certificate_arn; the caller then creates the records."
  type        = string
}
