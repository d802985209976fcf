variable "environment" {
  description = "The environment, the last part of each name."
  type        = string
  default     = "demo"
}

variable "region" {
  description = "The API's region."
  type        = string
  default     = "us-west-2"
}
