# ARNs are composed, so that a plan shows them, and available only once the queues exist.

output "arn" {
  description = "The work queue, or null without one."
  value       = var.name == null ? null : "${local.arn_prefix}:${var.name}"

  depends_on = [aws_sqs_queue.work]
}

output "dead_letters_arn" {
  description = "The dead-letter queue."
  value       = local.dead_letters_arn

  depends_on = [aws_sqs_queue.dead_letters]
}
