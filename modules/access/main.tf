locals {
  # Whether users of the app sign in on the pages of Cognito's domain (authorization code flow).
  uses_code_flow = length(try(var.user_pool.callback_urls, [])) > 0 || length(var.website_urls) > 0

  console_urls = [for url in var.website_urls : "${url}/"]

  # By default the app gets none of the user pool's own scopes, since Cognito grants all scopes of
  # this list to a request that names none.
  app_scopes = (
    local.uses_code_flow ?
    concat(["email", "openid", "profile"], [for scope in var.user_pool.app_scopes : "${var.name}-${var.environment}/${scope}"]) :
    []
  )
}

resource "aws_api_gateway_usage_plan" "this" {
  for_each = var.plans

  name        = "${var.name}-${each.key}-${var.environment}"
  description = "Usage plan ${each.key} of ${var.name}, ${var.environment}"
  tags        = var.tags

  api_stages {
    api_id = var.api_id
    stage  = var.stage
  }

  dynamic "quota_settings" {
    for_each = each.value.quota[*]
    content {
      limit  = quota_settings.value.limit
      period = quota_settings.value.period
    }
  }

  throttle_settings {
    burst_limit = each.value.burst_limit
    rate_limit  = each.value.rate_limit
  }
}

resource "aws_api_gateway_api_key" "this" {
  for_each = var.keys

  name        = "${var.name}-${each.key}-${var.environment}"
  description = "API key ${each.key} of ${var.name}, ${var.environment}"
  tags        = var.tags
  value       = lookup(var.key_values, each.key, null)
}

resource "aws_api_gateway_usage_plan_key" "this" {
  for_each = var.keys

  key_id        = aws_api_gateway_api_key.this[each.key].id
  key_type      = "API_KEY"
  usage_plan_id = aws_api_gateway_usage_plan.this[each.value].id
}

resource "aws_cognito_user_pool" "this" {
  count = var.user_pool == null ? 0 : 1

  name = "${var.name}-${var.environment}"
  # Users sign in by name or verified email address. AWS cannot change this later.
  alias_attributes         = ["email"]
  auto_verified_attributes = ["email"]
  deletion_protection      = var.user_pool.deletion_protection ? "ACTIVE" : "INACTIVE"
  mfa_configuration        = var.user_pool.mfa
  tags                     = var.tags

  account_recovery_setting {
    recovery_mechanism {
      name     = "verified_email"
      priority = 1
    }
  }

  admin_create_user_config {
    allow_admin_create_user_only = !var.user_pool.self_sign_up
  }

  # Omitted if Cognito itself sends the mail, because AWS then manages these settings.
  dynamic "email_configuration" {
    for_each = var.user_pool.email[*]
    content {
      configuration_set      = email_configuration.value.configuration_set
      email_sending_account  = "DEVELOPER"
      from_email_address     = email_configuration.value.from
      reply_to_email_address = email_configuration.value.reply_to
      source_arn             = email_configuration.value.source_arn
    }
  }

  password_policy {
    minimum_length                   = var.user_pool.password_minimum_length
    require_lowercase                = true
    require_numbers                  = true
    require_symbols                  = true
    require_uppercase                = true
    temporary_password_validity_days = 7
  }

  # No text messages, since they cost money and phone numbers can be hijacked.
  dynamic "software_token_mfa_configuration" {
    for_each = var.user_pool.mfa == "OFF" ? [] : [true]
    content {
      enabled = software_token_mfa_configuration.value
    }
  }

  # Users sign in and recover their account with the email address. Until they have verified a new
  # address, the old one stays valid.
  user_attribute_update_settings {
    attributes_require_verification_before_update = ["email"]
  }

  username_configuration {
    case_sensitive = false
  }
}

resource "aws_cognito_user_group" "this" {
  for_each = toset(try(var.user_pool.groups, []))

  name         = each.key
  description  = "Group ${each.key} of ${var.name}, ${var.environment}"
  user_pool_id = aws_cognito_user_pool.this[0].id
}

resource "aws_cognito_resource_server" "this" {
  count = length(try(var.user_pool.scopes, {})) == 0 ? 0 : 1

  name         = "${var.name}-${var.environment}"
  identifier   = "${var.name}-${var.environment}"
  user_pool_id = aws_cognito_user_pool.this[0].id

  dynamic "scope" {
    for_each = var.user_pool.scopes
    content {
      scope_description = scope.value
      scope_name        = scope.key
    }
  }
}

resource "aws_cognito_user_pool_domain" "this" {
  count = try(var.user_pool.domain_prefix, null) == null ? 0 : 1

  domain       = var.user_pool.domain_prefix
  user_pool_id = aws_cognito_user_pool.this[0].id
}

# For apps in browsers and on phones, which cannot keep a secret. PKCE binds the authorization code to the app, and with SRP passwords do
# not leave the device.
resource "aws_cognito_user_pool_client" "app" {
  count = var.user_pool == null ? 0 : 1

  name                                 = "${var.name}-app-${var.environment}"
  access_token_validity                = var.user_pool.tokens.access_minutes
  allowed_oauth_flows                  = local.uses_code_flow ? ["code"] : []
  allowed_oauth_flows_user_pool_client = local.uses_code_flow
  allowed_oauth_scopes                 = local.app_scopes
  callback_urls                        = setunion(var.user_pool.callback_urls, local.console_urls)
  enable_token_revocation              = true
  explicit_auth_flows                  = ["ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH"]
  generate_secret                      = false
  id_token_validity                    = var.user_pool.tokens.access_minutes
  logout_urls                          = setunion(var.user_pool.logout_urls, local.console_urls)
  prevent_user_existence_errors        = "ENABLED"
  refresh_token_validity               = var.user_pool.tokens.refresh_days
  supported_identity_providers         = ["COGNITO"]
  user_pool_id                         = aws_cognito_user_pool.this[0].id

  token_validity_units {
    access_token  = "minutes"
    id_token      = "minutes"
    refresh_token = "days"
  }

  # The scopes have to exist first.
  depends_on = [aws_cognito_resource_server.this]
}

# Terraform stores the secret in the state, and no output shows it.
resource "aws_cognito_user_pool_client" "machine" {
  count = try(var.user_pool.machine_client, false) ? 1 : 0

  name                                 = "${var.name}-machine-${var.environment}"
  access_token_validity                = var.user_pool.tokens.access_minutes
  allowed_oauth_flows                  = ["client_credentials"]
  allowed_oauth_flows_user_pool_client = true
  allowed_oauth_scopes                 = [for scope in keys(var.user_pool.scopes) : "${var.name}-${var.environment}/${scope}"]
  enable_token_revocation              = true
  # The minimum. Cognito's default also enables flows in which users sign in.
  explicit_auth_flows           = ["ALLOW_REFRESH_TOKEN_AUTH"]
  generate_secret               = true
  prevent_user_existence_errors = "ENABLED"
  user_pool_id                  = aws_cognito_user_pool.this[0].id

  token_validity_units {
    access_token = "minutes"
  }

  depends_on = [aws_cognito_resource_server.this]
}
