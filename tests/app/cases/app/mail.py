"""Mail customers when their orders change. A mail may be sent twice, since SES has no idempotency keys."""

from __future__ import annotations

import boto3

from trestle.app import Change, Context, setting

SUBJECTS = {"open": "We have got your order", "paid": "Thank you for your payment"}


def handle(change: Change, context: Context) -> None:
    boto3.client("ses").send_email(
        Source=setting("SENDER"),
        Destination={"ToAddresses": [change.item["email"]]},
        Message={
            "Subject": {"Data": SUBJECTS[change.item["status"]]},
            "Body": {"Text": {"Data": f"Order {change.item.id}: {change.item['amount']}"}},
        },
    )
