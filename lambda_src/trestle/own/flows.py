"""Write items with hooks: the item and the hooks' own writes succeed or fail together.

The write's condition is that the item is in the state that the hooks saw. If another writer was faster, the hooks run
again on the new state, in a new transaction.
"""

from __future__ import annotations

import os
import time

from trestle.clock import now
from trestle.errors import Changed, Conflict
from trestle.item import Item
from trestle.operations.validation import validator_for
from trestle.own.scope import LostRaceError
from trestle.own.values import differing
from trestle.store.get import get
from trestle.store.records import CHANGED
from trestle.store.writes import Cancelled, perform

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from trestle.context import Context
    from trestle.entity import Entity
    from trestle.operations.validation import Validator
    from trestle.own.hooks import Hooks
    from trestle.own.transaction import Transaction
    from trestle.store.writes import Write

    Object = dict[str, Any]
    States = Sequence[tuple[str, int]] | None

ATTEMPTS = 4
_LONGEST_PAUSE_SECONDS = 0.05
LOST = "Other requests keep changing the item. Try again."


class Attempt:
    """One attempt to carry out a request. Its transaction is made when a hook asks for it."""

    __slots__ = ("_transaction",)

    def __init__(self) -> None:
        self._transaction: Transaction | None = None

    @property
    def transaction(self) -> Transaction:
        """The transaction that also contains the item's write."""
        if self._transaction is None:
            from trestle.own.transaction import Transaction

            self._transaction = Transaction()
        return self._transaction

    def commit(self, context: Context, write: Write) -> None:
        """Carry out the item's write together with the hooks' writes.

        Raises Cancelled if the item has changed, LostRaceError, and what Transaction.commit raises.
        """
        if self._transaction is not None:
            self._transaction.commit(context, write)
            return
        try:
            perform(context, write)
        except Cancelled as cancelled:
            if cancelled.kind == "conflict":
                raise LostRaceError from None
            raise


def replace(
    hooks: Hooks,
    entity: Entity,
    context: Context,
    item_id: str,
    doc: Object,
    *,
    expected: States,
    validator: Validator | None = None,
) -> Item:
    """Replace an item's object, like trestle.operations.replace.replace."""
    validator = validator or validator_for(entity, context)
    given = validator.complete(doc)

    def check(made: Object, stored: Object) -> None:
        validator.check_replaced(made, differing(stored, made))

    def change(stored: Object) -> Object:
        return validator.keep(given, stored)

    return update(hooks, entity, context, item_id, expected=expected, change=change, check=check, validator=validator)


def merge(
    hooks: Hooks,
    entity: Entity,
    context: Context,
    item_id: str,
    changes: Object,
    *,
    expected: States,
    validator: Validator | None = None,
) -> Item:
    """Apply a JSON merge patch to an item, like trestle.operations.merge.merge."""
    from trestle.operations.merge import apply_merge_patch

    validator = validator or validator_for(entity, context)
    changes = validator.client_changes(changes)

    def change(stored: Object) -> Object:
        return validator.merged(apply_merge_patch(stored, changes), stored, changes)

    def check(made: Object, stored: Object) -> None:
        validator.check_changed(made, differing(stored, made))

    return update(hooks, entity, context, item_id, expected=expected, change=change, check=check, validator=validator)


def delete(hooks: Hooks, entity: Entity, context: Context, item_id: str, expected: States) -> None:
    """Delete an item, like trestle.operations.delete.delete."""
    from trestle.store.delete import deletion

    for number in range(ATTEMPTS):
        current = _read(entity, context, item_id, expected)
        attempt = Attempt()
        hooks.check_deletion(context, attempt, current)
        try:
            attempt.commit(context, deletion(entity, context.owner, item_id, [current.state]))
        except (Cancelled, LostRaceError):
            pause(number)
            continue
        return
    raise Conflict(LOST)


def update(
    hooks: Hooks,
    entity: Entity,
    context: Context,
    item_id: str,
    *,
    expected: States,
    change: Callable[[Object], Object],
    check: Callable[[Object, Object], None],
    validator: Validator,
) -> Item:
    """Change an item.

    change: returns the client's valid object, given the stored one. check: raises InvalidItem for the hook's result,
    given the stored object.
    """
    from trestle.store.update import replacement

    for number in range(ATTEMPTS):
        current = _read(entity, context, item_id, expected)
        attempt = Attempt()
        given = change(current.doc)
        made = hooks.changed_doc(context, attempt, current, given)
        hooks.validate_result("before_update", validator, given, made, check, current.doc)
        at = now()
        try:
            write = replacement(entity, context.owner, item_id, made, [current.state], at=at)
            attempt.commit(context, write)
        except (Cancelled, LostRaceError):
            pause(number)
            continue
        return Item(item_id, made, current.created_at, at, current.version + 1)
    raise Conflict(LOST)


def _read(entity: Entity, context: Context, item_id: str, expected: States) -> Item:
    """Return an item in an expected state. Raise NotFound, Changed."""
    item = get(entity, context, item_id)
    if expected is not None and item.state not in expected:
        raise Changed(CHANGED)
    return item


def pause(number: int) -> None:
    """Wait after a lost race, at most 50, 100 and 200 ms, so that the same writers do not collide again."""
    if number + 1 < ATTEMPTS:
        time.sleep(os.urandom(1)[0] / 255 * _LONGEST_PAUSE_SECONDS * 2**number)
