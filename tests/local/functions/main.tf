# A function of each kind, for test_functions.py.
terraform {
  required_version = ">= 1.10.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7"
    }
  }
}

provider "aws" {
  region = "us-west-2"
}

module "api" {
  source = "../../../modules/service"

  encryption  = { customer_key = false }
  environment = "local"
  name        = "parts"
  network     = null
  project     = path.root
  region      = "us-west-2"

  entities = {
    notes  = { access = { default = "open" } }
    orders = { access = { default = "open" }, schema = "schemas/order.json" }
  }

  functions = {
    changed = {
      code    = "parts:changed"
      changes = { orders = [{ kind = "created" }, { kind = "updated", becomes = { status = "shipped" } }, { kind = "deleted" }] }
      uses    = { notes = ["create"] }
    }
    count = {
      code   = "parts"
      routes = { "POST /count" = { call = "start", access = "open" }, "GET /secret" = { call = "tell", access = "open" } }
      sends  = ["work"]
      secrets = {
        stripe = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:stripe-AbCdEf"
      }
    }
    event = { code = "parts:event", event = { source = "shop", types = ["Made"], detail = { "bucket.name" = ["a"] } }, uses = { notes = ["create"] } }
    tick  = { code = "parts:tick", schedule = "rate(1 hour)", uses = { notes = ["create"] } }
    work  = { code = "parts:work", queue = { attempts = 3, backoff = "1s-2s" }, uses = { notes = ["create"] } }
  }
}
