terraform {
  required_version = ">= 1.11.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }

  # No backend: this makes the bucket that the others' state is kept in. Keep terraform.tfstate, or import what is here.
}

provider "aws" {
  region = var.region

  default_tags {
    tags = { Project = var.name, Environment = "bootstrap", ManagedBy = "terraform" }
  }
}
