terraform {
  # 1.10, of Terraform and of OpenTofu: the S3 backend locks with a file of its own, without a DynamoDB table.
  required_version = ">= 1.10.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7"
    }
  }

  # Filled by `terraform init -backend-config=environments/ENV.s3.tfbackend`.
  backend "s3" {}
}

# The only provider block: a module that declares one costs a second provider process of half a gigabyte.
provider "aws" {
  region = var.region

  default_tags {
    tags = merge(var.tags, {
      Project     = var.name
      Environment = var.environment
      ManagedBy   = "terraform"
    })
  }
}
