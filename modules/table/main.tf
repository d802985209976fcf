locals {
  # Every key that the table or an index has, once: DynamoDB refuses those that none uses.
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

  # A list in order is one Query of an index, whose pages hold whole items: no second read per item. An item that lacks one of
  # the keys is not in the index, and costs nothing there.
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

  # Not enabled is encryption with a key AWS owns. Written out: an absent block would leave a table on a key that is going.
  dynamic "server_side_encryption" {
    for_each = var.customer_key ? [] : [false]
    content {
      enabled = server_side_encryption.value
    }
  }

  # The functions derive it from the client's property: DynamoDB looks at numbers at the top of an item alone. The provider
  # ignores a missing block, and DynamoDB would go on deleting the items of an entity that no longer has a ttl.
  ttl {
    attribute_name = var.expiry.attribute
    enabled        = var.expiry.enabled
  }

  # Filling a new index of a large table takes hours, and the provider waits for one by default.
  timeouts {
    update = "24h"
  }
}
