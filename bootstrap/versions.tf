terraform {
  required_version = ">= 1.10.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7"
    }
  }

  # This configuration creates the bucket for the other states, so its own state is a file: `make
  # bootstrap` uses one for each account, name and region (tools/aws/bootstrap.py). Keep these
  # files. Without them, existing resources have to be imported.
  backend "local" {}
}

provider "aws" {
  region = var.region

  default_tags {
    tags = { Project = var.name, Environment = "bootstrap", ManagedBy = "terraform" }
  }
}
