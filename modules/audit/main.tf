locals {
  bucket_arn           = "arn:${var.scope.partition}:s3:::${aws_s3_bucket.this.bucket}"
  cloudtrail_principal = "cloudtrail.amazonaws.com"
  trail_arn            = "arn:${var.scope.partition}:cloudtrail:${var.scope.region}:${var.scope.account_id}:trail/${var.trail}"

  bucket_statements = [
    {
      Sid       = "TlsOnly"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [local.bucket_arn, "${local.bucket_arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    },
    {
      Sid       = "TrailLooks"
      Effect    = "Allow"
      Principal = { Service = local.cloudtrail_principal }
      Action    = "s3:GetBucketAcl"
      Resource  = local.bucket_arn
      Condition = { StringEquals = { "aws:SourceArn" = local.trail_arn } }
    },
    {
      Sid       = "TrailWrites"
      Effect    = "Allow"
      Principal = { Service = local.cloudtrail_principal }
      Action    = "s3:PutObject"
      Resource  = "${local.bucket_arn}/AWSLogs/${var.scope.account_id}/*"
      Condition = { StringEquals = { "aws:SourceArn" = local.trail_arn, "s3:x-amz-acl" = "bucket-owner-full-control" } }
    },
  ]

  # For administrators, whom the lock below lets pass: they have to apply false first. The lifecycle still deletes what is due.
  deletion_deny = {
    Sid       = "NobodyDeletes"
    Effect    = "Deny"
    Principal = "*"
    Action    = ["s3:BypassGovernanceRetention", "s3:DeleteBucket", "s3:DeleteObject", "s3:DeleteObjectVersion"]
    Resource  = [local.bucket_arn, "${local.bucket_arn}/*"]
  }
}

resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_18:the log would need a bucket of its own; who reads the records is in the account's trail
  #checkov:skip=CKV_AWS_144:versions bring deleted records back; a copy elsewhere would double what is to be protected
  bucket              = var.bucket
  force_destroy       = !var.deletion_protection
  object_lock_enabled = true
  tags                = var.tags

  # A bucket that is older than the region in its name keeps its name, and its records.
  lifecycle {
    ignore_changes = [bucket]
  }
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    status = "Enabled"
  }
}

# Neither a policy nor a lifecycle rule gets a record deleted before it is due, and versions cannot be switched off. GOVERNANCE,
# not COMPLIANCE: an administrator with s3:BypassGovernanceRetention, which CI has not, can still destroy the environment, and
# seven years written by mistake are not paid for to the end.
resource "aws_s3_bucket_object_lock_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    default_retention {
      mode  = "GOVERNANCE"
      years = var.retention_years
    }
  }

  # S3 locks versions alone.
  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      kms_master_key_id = var.kms_key_arn
      sse_algorithm     = "aws:kms"
    }
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket = aws_s3_bucket.this.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_policy" "this" {
  bucket = aws_s3_bucket.this.id

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = concat(local.bucket_statements, [for statement in [local.deletion_deny] : statement if var.deletion_protection])
  })

  # S3 refuses two changes of a bucket's access at a time.
  depends_on = [aws_s3_bucket_public_access_block.this]
}

resource "aws_s3_bucket_logging" "this" {
  # Terraform shows this line if it does not know at the plan whether the name is null.
  count = var.log_bucket == null ? 0 : 1 # If the same apply makes the bucket, write log_bucket = coalesce(aws_s3_bucket.NAME.bucket).

  bucket        = aws_s3_bucket.this.bucket
  target_bucket = var.log_bucket
  target_prefix = "s3/${aws_s3_bucket.this.bucket}/"
}

# Costs nothing, and lets a rule of EventBridge tell of a record that somebody deletes.
resource "aws_s3_bucket_notification" "this" {
  bucket      = aws_s3_bucket.this.id
  eventbridge = true
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    id     = "retention"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }

    # Leap years: rather a day too long. Records are too small for cheaper storage, which charges 128 KB for each.
    expiration {
      days = var.retention_years * 366
    }

    # What was deleted, by the rule above or by somebody, can be brought back for so long, and for as long as it is locked.
    noncurrent_version_expiration {
      noncurrent_days = 90
    }
  }

  # Versions have to be on before there is a rule about old ones.
  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_cloudtrail" "this" {
  #checkov:skip=CKV_AWS_252:a message for each file of records, every five minutes, that nobody would read
  #checkov:skip=CKV2_AWS_10:CloudWatch would keep the same records a second time, for more than S3 does; Athena asks the bucket
  name                       = var.trail
  enable_log_file_validation = true
  is_multi_region_trail      = true
  kms_key_id                 = var.kms_key_arn
  s3_bucket_name             = aws_s3_bucket.this.id
  tags                       = var.tags

  # Items alone, each read and each write: who changes the account's settings is in the account's own trail, once for free.
  advanced_event_selector {
    name = "Items of our tables"

    field_selector {
      field  = "eventCategory"
      equals = ["Data"]
    }

    field_selector {
      field  = "resources.type"
      equals = ["AWS::DynamoDB::Table"]
    }

    # Their indexes, too, whose ARNs go on from here.
    field_selector {
      field       = "resources.ARN"
      starts_with = var.table_arns
    }
  }

  # CloudTrail tries the bucket before it takes it, and the first record is to be locked, too.
  depends_on = [aws_s3_bucket_object_lock_configuration.this, aws_s3_bucket_policy.this]
}
