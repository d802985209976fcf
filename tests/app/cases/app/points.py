"""Points for paid orders, each order's exactly once: the claim and the points are written together or not at all."""

from __future__ import annotations

from trestle.app import Change, Context, Taken, entity, transaction


def handle(change: Change, context: Context) -> None:
    account = entity("accounts").find(change.item.owner)
    if account is None:
        try:
            account = entity("accounts").create({"points": 0}, id=change.item.owner)
        except Taken:
            account = entity("accounts").get(change.item.owner)
    points = account["points"] + change.item["amount"]
    try:
        with transaction() as writes:
            writes.create("claims", {}, id=change.id)
            writes.merge("accounts", account.id, {"points": points}, if_match=account.etag)
    except Taken:
        pass  # The change came before.
