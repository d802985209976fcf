locals {
  # The key attributes of the table and its indexes, without duplicates. DynamoDB refuses definitions of other attributes.
  key_types = merge(
    { (var.key) = "S" },
    { for index in values(var.indexes) : index.hash_key => "S" },
    { for range, types in { for index in values(var.indexes) : index.range_key => index.range_type... } : range => types[0] },
  )
}

resource "aws_dynamodb_table" "this" {
  name                        = var.name
  billing_mode                = "PAY_PER_REQUEST"
  deletion_protection_enabled = var.deletion_protection
  hash_key                    = var.key
  stream_enabled              = true
  stream_view_type            = "NEW_AND_OLD_IMAGES"
  tags                        = var.tags

  dynamic "attribute" {
    for_each = local.key_types
    content {
      name = attribute.key
      type = attribute.value
    }
  }

  # An ordered list is one Query on an index. The index projects whole items, so that a list needs no second read. It is sparse: items that
  # lack one of its keys are not in it, and cost nothing there.
  dynamic "global_secondary_index" {
    for_each = var.indexes
    content {
      name            = global_secondary_index.key
      hash_key        = global_secondary_index.value.hash_key
      range_key       = global_secondary_index.value.range_key
      projection_type = global_secondary_index.value.projection
    }
  }

  point_in_time_recovery {
    enabled = true
  }

  dynamic "server_side_encryption" {
    for_each = var.customer_key ? [var.kms_key_arn] : []
    content {
      enabled     = true
      kms_key_arn = server_side_encryption.value
    }
  }

  # Disabled means a key that AWS owns. Without this block, a table would stay on the customer managed key, which is being deleted.
  dynamic "server_side_encryption" {
    for_each = var.customer_key ? [] : [false]
    content {
      enabled = server_side_encryption.value
    }
  }

  # Functions derive this attribute from the client's property, since DynamoDB's time to live supports only top-level numbers. The block is
  # explicit, since the provider ignores a missing one, and DynamoDB would continue to delete items after ttl was removed.
  ttl {
    attribute_name = var.expiry.attribute
    enabled        = var.expiry.enabled
  }

  # Filling a new index of a large table takes hours. The provider waits for one hour by default.
  timeouts {
    update = "24h"
  }
}
