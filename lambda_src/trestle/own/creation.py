"""Create items with hooks. trestle.own.flows has the other writes."""

from __future__ import annotations

from trestle.clock import now
from trestle.errors import Conflict
from trestle.item import Item
from trestle.operations.create import check_same, identify
from trestle.operations.validation import validator_for
from trestle.own.flows import ATTEMPTS, LOST, Attempt, pause
from trestle.own.scope import LostRaceError
from trestle.store.get import find
from trestle.store.put import creation
from trestle.store.records import item_of, request_of
from trestle.store.writes import Cancelled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from trestle.context import Context
    from trestle.entity import Entity
    from trestle.operations.validation import Validator
    from trestle.own.hooks import Hooks

    Object = dict[str, Any]


def create(
    hooks: Hooks,
    entity: Entity,
    context: Context,
    doc: Object,
    own_id: Any,
    *,
    key: str = "",
    validator: Validator | None = None,
) -> tuple[Item, bool]:
    """Create an item, like trestle.operations.create.create.

    With an idempotency key it first looks for the key's item and returns its current state, so that no hook runs
    twice. validator: the entity's by default.
    """
    validator = validator or validator_for(entity, context)
    item_id, request = identify(entity, context, validator.client_part(doc), own_id, key=key)
    if key and hooks.before_create and (record := find(entity, context, item_id)):
        check_same(request, request_of(record))
        return item_of(entity, record), True
    given = validator.keep(validator.complete(doc, is_new=True), {})
    for number in range(ATTEMPTS):
        attempt = Attempt()
        made = hooks.new_doc(context, attempt, given, item_id)
        hooks.validate_result("before_create", validator, given, made, validator.check)
        created_at = now()
        item = Item(item_id, made, created_at, created_at, 1)
        try:
            attempt.commit(context, creation(entity, context.owner, item, request))
        except LostRaceError:
            pause(number)
            continue
        except Cancelled as cancelled:
            check_same(request, request_of(cancelled.record))
            return item_of(entity, cancelled.record), True
        return item, False
    raise Conflict(LOST)
