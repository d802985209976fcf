"""Set the currency of orders that have none: run it once with `make run ENV=prod FUNCTION=backfill`."""

from __future__ import annotations

from trestle.app import Again, Context, Draft, Job, entity

MARGIN = 10  # seconds


def handle(job: Job, context: Context) -> Again | None:
    orders = entity("orders")
    cursor = job.body
    while True:
        page = orders.everyone.page(limit=100, cursor=cursor)
        for order in page.items:
            if "currency" not in order:
                orders.of(order.owner).update(order.id, set_currency)
        cursor = page.next
        if cursor is None:
            return None
        if context.seconds_left() < MARGIN:
            return Again(cursor)


def set_currency(draft: Draft) -> None:
    draft.setdefault("currency", "EUR")
