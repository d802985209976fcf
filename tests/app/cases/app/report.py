"""Write a nightly report: the number and total amount of orders by status."""

from __future__ import annotations

from contextlib import suppress

from trestle.app import Again, Context, Job, Taken, entity

MARGIN = 60  # seconds
PAGE = 100


def handle(job: Job, context: Context) -> Again | None:
    state = job.body or {"day": job.first_at[:10], "cursor": None, "orders": {}, "amount": 0}
    orders = entity("orders").everyone
    while True:
        page = orders.page(limit=PAGE, cursor=state["cursor"])
        for order in page.items:
            state["orders"][order["status"]] = state["orders"].get(order["status"], 0) + 1
            state["amount"] += order["amount"]
        state["cursor"] = page.next
        if page.next is None:
            break
        if context.seconds_left() < MARGIN:
            return Again(state)
    with suppress(Taken):  # The job was delivered before.
        entity("reports").create({"orders": state["orders"], "amount": state["amount"]}, id=state["day"])
    return None
