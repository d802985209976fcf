variable "environment" {
  description = "The environment's name, which every resource's name ends with."
  type        = string
  default     = "demo"
}

variable "region" {
  description = "The API's region."
  type        = string
  default     = "us-west-2"
}
