terraform {
  # Since 1.10 of Terraform and of OpenTofu, the S3 backend can lock with a file, without a DynamoDB
  # table.
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

# The only provider block. A provider in a module would start a second process, which takes half a
# gigabyte.
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
