resource "aws_dynamodb_table" "this" {
  name                        = var.name
  billing_mode                = "PAY_PER_REQUEST"
  deletion_protection_enabled = var.deletion_protection
  hash_key                    = "id"
  stream_enabled              = true
  stream_view_type            = "NEW_AND_OLD_IMAGES"

  dynamic "attribute" {
    for_each = var.created_index ? ["id", "collection", "createdAt"] : ["id"]
    content {
      name = attribute.value
      type = "S"
    }
  }

  # A list in order is one Query of this index, whose pages hold whole items: no second read per item.
  dynamic "global_secondary_index" {
    for_each = var.created_index ? ["created"] : []
    content {
      name            = global_secondary_index.value
      hash_key        = "collection"
      range_key       = "createdAt"
      projection_type = "ALL"
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
}
