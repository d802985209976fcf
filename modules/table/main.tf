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

  # "Not enabled" is encryption with a key AWS owns: DynamoDB knows no unencrypted table.
  server_side_encryption {
    enabled     = var.customer_key
    kms_key_arn = var.kms_key_arn
  }

  dynamic "ttl" {
    for_each = var.ttl == null ? [] : [var.ttl]
    content {
      attribute_name = ttl.value
      enabled        = true
    }
  }
}
