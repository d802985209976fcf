variable "api_id" {
  description = "The REST API the plans are for."
  type        = string
}

variable "environment" {
  description = "Suffix of every name."
  type        = string
}

variable "key_values" {
  description = "Values of keys that AWS is not to make."
  type        = map(string)
  sensitive   = true
}

variable "keys" {
  description = "Name of its plan, by key."
  type        = map(string)
}

variable "name" {
  description = "Prefix of every name."
  type        = string
}

variable "plans" {
  description = "What the holders of keys may ask for."
  type = map(object({
    burst_limit = number
    quota       = object({ limit = number, period = string })
    rate_limit  = number
  }))
}

variable "stage" {
  description = "The stage the plans are for."
  type        = string
}
