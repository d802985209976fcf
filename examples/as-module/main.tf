# A configuration of your own that calls Trestle: your providers, your backend, your resources, your schemas.
terraform {
  required_version = ">= 1.10.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7"
    }
  }
}

# The company's home region.
provider "aws" {
  region = "eu-central-1"
}

# The API's region.
provider "aws" {
  alias  = "api"
  region = var.region

  default_tags {
    tags = { Owner = "platform" }
  }
}

module "api" {
  # Elsewhere: "git::https://example.com/trestle.git//modules/service?ref=v1.0.0".
  source    = "../../modules/service"
  providers = { aws = aws.api }

  entities = {
    tasks = {
      access  = { default = "open", delete = "api_key" }
      filters = { done = { sort = "due" } }
      schema  = "schemas/task.json"
    }
  }
  environment = var.environment
  name        = "guest"
  network     = null
  project     = path.root
  region      = var.region
  tags        = { CostCentre = "42" }
}
