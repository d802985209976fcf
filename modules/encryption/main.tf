resource "aws_kms_key" "this" {
  description             = "What ${var.name}-${var.environment} stores and logs"
  deletion_window_in_days = var.deletion_window_in_days
  enable_key_rotation     = true
  tags                    = var.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        # Without this statement nobody could manage the key, not even an administrator. IAM policies decide who may use it.
        Sid       = "AccountAdministers"
        Effect    = "Allow"
        Principal = { AWS = "arn:${var.scope.partition}:iam::${var.scope.account_id}:root" }
        Action    = "kms:*"
        Resource  = "*"
      },
    ], var.services)
  })
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.name}-${var.environment}"
  target_key_id = aws_kms_key.this.key_id
}
