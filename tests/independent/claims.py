"""A client that writes in transactions, to be run many times at once.

`python -m tests.independent.claims NUMBER` says "ready" and waits for each line on standard input, {"claim": ID} or
{"count": ID}, which it answers by one line of JSON:

- claim: it makes the night ID, which only one client can, and a booking of its own, and marks the room as booked;
  {"won": true}, or {"won": false, "index": position, "met": id of the record that the condition met}.
- count: it adds 1 to the counter ID and makes a booking of its own, again until no other client is first;
  {"attempts": how many it took}.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from trestle.clock import now
from trestle.context import Context
from trestle.entity import Entity
from trestle.item import Item
from trestle.store.get import get
from trestle.store.put import creation
from trestle.store.transaction import commit
from trestle.store.update import patching, replacement
from trestle.store.writes import Cancelled

NIGHTS, BOOKINGS, ROOMS = (Entity(name, f"test-{name}") for name in ("nights", "bookings", "rooms"))


def new(name: str, **doc: Any) -> Item:
    """Return an item that is to be made."""
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


def main(number: int) -> None:
    """Do what is asked on standard input until it ends."""
    print('"ready"', flush=True)
    for line in sys.stdin:
        ((task, name),) = json.loads(line).items()
        print(json.dumps({"claim": claim, "count": count}[task](name, number)), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
