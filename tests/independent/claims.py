"""A client that writes in transactions, to be run many times at once.

`python -m tests.independent.claims NUMBER` prints "ready" and then handles each line on standard input, {"claim": ID},
{"count": ID}, {"update": ID} or {"open": ID}, with one line of JSON:

- claim: it creates the night ID, which only one client can, and its own booking, and marks the room as booked;
  {"won": true}, or {"won": false, "index": position, "met": id of the record that the condition met}.
- count: it adds 1 to the counter ID and creates its own booking, and retries until no other client is first;
  {"attempts": number}.
- update, open: the same as a function of app/, by Entity.update (without a booking) and by transaction().
"""

from __future__ import annotations

import json
import sys
from types import ModuleType
from typing import Any

from trestle import app
from trestle.clock import now
from trestle.context import Context
from trestle.entity import Entity
from trestle.item import Item
from trestle.own.function import Function
from trestle.store.get import get
from trestle.store.put import creation
from trestle.store.transaction import commit
from trestle.store.update import patching, replacement
from trestle.store.writes import Cancelled

NIGHTS, BOOKINGS, ROOMS = (Entity(name, f"test-{name}") for name in ("nights", "bookings", "rooms"))


def new(name: str, **doc: Any) -> Item:
    """Return a new item."""
    time = now()
    return Item(name, doc, time, time, 1)


def claim(night: str, number: int) -> dict[str, Any]:
    """Claim a night for a client."""
    writes = [
        creation(BOOKINGS, "", new(f"{night}-{number}", night=night)),
        patching(ROOMS, "", "room", {f"by{number}": night}, None),
        creation(NIGHTS, "", new(night, by=number)),
    ]
    try:
        commit(Context(), writes)
    except Cancelled as cancelled:
        return {"won": False, "index": cancelled.index, "met": cancelled.record["id"]["S"]}
    return {"won": True}


def count(counter: str, number: int) -> dict[str, Any]:
    """Count a client's booking."""
    attempts = 0
    while True:
        attempts += 1
        current = get(ROOMS, Context(), counter)
        writes = [
            creation(BOOKINGS, "", new(f"{counter}-{number}", counter=counter)),
            replacement(ROOMS, "", counter, {"n": current.doc["n"] + 1}, [current.state]),
        ]
        try:
            commit(Context(), writes)
        except Cancelled as cancelled:
            if cancelled.index != 1:
                raise  # not the counter, at which another client was first
        else:
            return {"attempts": attempts}


def add_by_update(job: dict[str, Any], _: app.Context) -> None:
    """Add 1 to a counter: what a function of app/ does."""
    app.entity("rooms").update(job["id"], lambda draft: draft.update(n=draft["n"] + 1))


def add_by_transaction(job: dict[str, Any], _: app.Context) -> None:
    """Add 1 to a counter and make a booking, or neither."""
    current = app.entity("rooms").get(job["id"])
    with app.transaction() as transaction:
        transaction.create("bookings", {"counter": job["id"]}, id=f"{job['id']}-{job['number']}")
        transaction.merge("rooms", job["id"], {"n": current["n"] + 1}, if_match=current.etag)


def counting() -> Function:
    """Return a function of app/ that has both."""
    module = ModuleType("app.counting")
    module.__dict__.update(add_by_update=add_by_update, add_by_transaction=add_by_transaction)
    sys.modules["app.counting"] = module
    operations = ["create", "get", "merge"]
    used = {
        each.name: {"table": each.table, "options": {"ids": "client"}, "operations": operations}
        for each in (BOOKINGS, ROOMS)
    }
    config = {"name": "counting", "kind": "job", "code": "counting"}
    return Function.from_environment({"FUNCTION": json.dumps(config), "ENTITIES": json.dumps(used)})


def own(name: str, counter: str, number: int) -> dict[str, Any]:
    """Call one of its functions, and retry until no other client is first."""
    function = counting()
    attempts = 0
    while True:
        attempts += 1
        try:
            function.call(name, Context(), {"id": counter, "number": number})
        except app.Changed:
            continue
        return {"attempts": attempts}


def update(counter: str, number: int) -> dict[str, Any]:
    """Count by Entity.update."""
    return own("add_by_update", counter, number)


def open_transaction(counter: str, number: int) -> dict[str, Any]:
    """Count by transaction()."""
    return own("add_by_transaction", counter, number)


TASKS = {"claim": claim, "count": count, "open": open_transaction, "update": update}


def main(number: int) -> None:
    """Handle the lines on standard input until it ends."""
    print('"ready"', flush=True)
    for line in sys.stdin:
        ((task, name),) = json.loads(line).items()
        print(json.dumps(TASKS[task](name, number)), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
