"""Give points for each paid order exactly once: claim and points are written in one transaction."""

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
        pass  # The change was delivered before.
