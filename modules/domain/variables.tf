variable "api_id" {
  description = "The REST API."
  type        = string
}

variable "certificate_arn" {
  description = "A certificate of ACM for the name, in the API's region, or null to make one."
  type        = string
}

variable "name" {
  description = "The name, such as \"api.example.com\"."
  type        = string
}

variable "stage" {
  description = "The stage that answers at the name."
  type        = string
}

variable "tags" {
  description = "Tags for each resource, beside those that the provider adds by itself; null for none."
  type        = map(string)
}

variable "truststore" {
  description = <<-EOT
    Whose client certificates callers must show, or null to ask for none.
    ownership_certificate_arn: a certificate for the name that ACM itself issued, if certificate_arn was imported or is of a private
      authority; or null.
    uri: the authorities' certificates, as s3://BUCKET/KEY.
    version: of that object, or null for the newest.
  EOT
  type        = object({ ownership_certificate_arn = string, uri = string, version = string })
}

variable "zone_id" {
  description = "The hosted zone of Route 53 that gets the DNS records, or null where certificate_arn is given: DNS is the caller's then."
  type        = string
}
