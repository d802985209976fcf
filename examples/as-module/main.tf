# Your own configuration that calls Trestle, with your providers, backend, resources and schemas.
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

  # The same apply creates the key, so coalesce() tells the plan that the ARN is not null.
  encryption = { key_arn = coalesce(aws_kms_key.company.arn) }
  entities = {
    # Each contract belongs to a tenant, which a claim of the issuer's tokens names.
    contracts = {
      access = { default = "jwt", delete = "jwt:group=contract-managers" }
      owner  = "claim:tenant_id"
    }
    tasks = {
      access  = { default = "open", delete = "api_key" }
      filters = { done = { sort = "due" } }
      schema  = "schemas/task.json"
    }
  }
  environment = var.environment
  jwt         = { issuer = "https://login.example.com/", audiences = ["https://tasks.example.com"] }
  name        = "guest"
  network = {
    subnet_ids = [for subnet in aws_subnet.private : subnet.id]
    vpc_id     = aws_vpc.company.id
  }
  project = path.root
  region  = var.region
  tags    = { CostCentre = "42" }
}
