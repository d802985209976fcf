# The root contained these before modules/service existed. With these blocks, older states keep
# their resources.

moved {
  from = module.access
  to   = module.service.module.access
}

moved {
  from = module.api
  to   = module.service.module.api
}

moved {
  from = module.audit
  to   = module.service.module.audit
}

moved {
  from = module.backup
  to   = module.service.module.backup
}

moved {
  from = module.encryption
  to   = module.service.module.encryption
}

moved {
  from = module.firewall
  to   = module.service.module.firewall
}

moved {
  from = module.function
  to   = module.service.module.function
}

moved {
  from = module.monitoring
  to   = module.service.module.monitoring
}

moved {
  from = module.network
  to   = module.service.module.network
}

moved {
  from = module.table
  to   = module.service.module.table
}

moved {
  from = module.website
  to   = module.service.module.website
}

moved {
  from = aws_wafv2_web_acl_association.api
  to   = module.service.aws_wafv2_web_acl_association.api
}

moved {
  from = terraform_data.build
  to   = module.service.terraform_data.build
}
