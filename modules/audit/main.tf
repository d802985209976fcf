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

  # For administrators, who can bypass the lock below: they have to apply false first. The lifecycle still deletes expired records.
  deletion_deny = {
    Sid       = "NobodyDeletes"
    Effect    = "Deny"
    Principal = "*"
    Action    = ["s3:BypassGovernanceRetention", "s3:DeleteBucket", "s3:DeleteObject", "s3:DeleteObjectVersion"]
    Resource  = [local.bucket_arn, "${local.bucket_arn}/*"]
  }
}

resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_18:the log would need another bucket; the account's trail shows who reads the records
  #checkov:skip=CKV_AWS_144:deleted records can be restored from versions; a copy in another region would be a second place to protect
  bucket              = var.bucket
  force_destroy       = !var.deletion_protection
  object_lock_enabled = true
  tags                = var.tags

  # An older bucket, whose name does not contain the region, keeps its name and its records.
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

# No policy or lifecycle rule can delete a record before it expires, and versioning cannot be disabled. The mode is GOVERNANCE, not
# COMPLIANCE, so that an administrator with s3:BypassGovernanceRetention, which CI lacks, can still destroy the environment, and correct a
# retention of seven years that was a mistake.
resource "aws_s3_bucket_object_lock_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    default_retention {
      mode  = "GOVERNANCE"
      years = var.retention_years
    }
  }

  # S3 can lock only versions.
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

  # S3 refuses concurrent changes of a bucket's access.
  depends_on = [aws_s3_bucket_public_access_block.this]
}

resource "aws_s3_bucket_logging" "this" {
  # Terraform shows the next line if a plan does not know whether the name is null.
  count = var.log_bucket == null ? 0 : 1 # If the same apply creates the bucket, write log_bucket = coalesce(aws_s3_bucket.NAME.bucket).

  bucket        = aws_s3_bucket.this.bucket
  target_bucket = var.log_bucket
  target_prefix = "s3/${aws_s3_bucket.this.bucket}/"
}

# Free, and allows EventBridge rules to report deleted records.
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

    # Leap years included, so that a time is rather a day too long. Records are too small for
    # cheaper storage classes, which bill at least 128 KB per object.
    expiration {
      days = var.retention_years * 366
    }

    # Deleted records can be restored for this time, and for as long as they are locked.
    noncurrent_version_expiration {
      noncurrent_days = 90
    }
  }

  # A rule about old versions requires versioning.
  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_cloudtrail" "this" {
  #checkov:skip=CKV_AWS_252:it would send a message for each file of records, every five minutes, which nobody would read
  #checkov:skip=CKV2_AWS_10:CloudWatch would store the same records a second time, at a higher price than S3; Athena queries the bucket
  name                       = var.trail
  enable_log_file_validation = true
  is_multi_region_trail      = true
  kms_key_id                 = var.kms_key_arn
  s3_bucket_name             = aws_s3_bucket.this.id
  tags                       = var.tags

  # Only reads and writes of items. Changes of settings are in the account's own trail, whose first copy is free.
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

    # Includes the indexes, whose ARNs start with the table's.
    field_selector {
      field       = "resources.ARN"
      starts_with = var.table_arns
    }
  }

  # CloudTrail tests the bucket when the trail is created, and the first record has to be locked as well.
  depends_on = [aws_s3_bucket_object_lock_configuration.this, aws_s3_bucket_policy.this]
}
