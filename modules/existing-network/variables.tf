variable "egress" {
  description = "Whether some functions call the internet."
  type        = bool
}

variable "endpoints" {
  description = "Whether some functions call interface endpoints of the VPC."
  type        = bool
}

variable "name" {
  description = "The prefix of the security groups' names."
  type        = string
}

variable "region" {
  description = "The region of the VPC."
  type        = string
}

variable "s3" {
  description = "Whether some functions call Amazon S3."
  type        = bool
}

variable "tags" {
  description = "Tags for all resources, besides those that the provider adds itself; null for none."
  type        = map(string)
}

variable "vpc_id" {
  description = "The VPC's id."
  type        = string
}
