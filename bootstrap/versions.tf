terraform {
  required_version = ">= 1.11.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }

  # This makes the bucket that the others' state is kept in, so its own state is a file here: `make bootstrap` names one for
  # each account, name and region (local/bootstrap.py). Keep these files, or import what is here.
  backend "local" {}
}

provider "aws" {
  region = var.region

  default_tags {
    tags = { Project = var.name, Environment = "bootstrap", ManagedBy = "terraform" }
  }
}
