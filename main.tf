# Written by `python -m tools.reference` from modules/service.

module "service" {
  source = "./modules/service"

  alarms                     = var.alarms
  api_key_values             = var.api_key_values
  api_keys                   = var.api_keys
  audit                      = var.audit
  backup                     = var.backup
  budget                     = var.budget
  code_signing_config_arn    = var.code_signing_config_arn
  cors_origins               = var.cors_origins
  dashboard                  = var.dashboard
  deletion_protection        = var.deletion_protection
  docs                       = var.docs
  domain                     = var.domain
  encryption                 = var.encryption
  entities                   = var.entities
  environment                = var.environment
  functions                  = var.functions
  info                       = var.info
  jwt                        = var.jwt
  log_bucket                 = var.log_bucket
  log_retention_days         = var.log_retention_days
  metrics                    = var.metrics
  name                       = var.name
  network                    = var.network
  permissions_boundary       = var.permissions_boundary
  private                    = var.private
  project                    = path.root
  region                     = var.region
  release                    = var.release
  tags                       = var.tags
  throttle                   = var.throttle
  usage_plans                = var.usage_plans
  user_pool                  = var.user_pool
  validate_bodies_at_gateway = var.validate_bodies_at_gateway
  waf                        = var.waf
  website                    = var.website
}
