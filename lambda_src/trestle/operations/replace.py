"""Replace an item's object."""

from __future__ import annotations

from trestle.operations.validation import validator_for
from trestle.store import update

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from trestle.context import Context
    from trestle.entity import Entity
    from trestle.item import Item
    from trestle.operations.validation import Validator


def replace(
    entity: Entity,
    context: Context,
    item_id: str,
    doc: dict[str, Any],
    expected: Sequence[tuple[str, int]] | None = None,
    *,
    validator: Validator | None = None,
) -> Item:
    """Replace an item's object, and return the item.

    The new object gets the schema's defaults. It keeps readOnly properties, and those that the caller may not read or
    write. expected: the states (created_at, version) that the item may be in; None allows any. validator: the entity's
    by default. One request to DynamoDB is enough unless there may be properties to keep: then `replace` reads the item,
    and writes it if it has not changed since then. Raises Forbidden, InvalidItem, NotFound, Changed, and Conflict if
    concurrent writers won every attempt.
    """
    validator = validator or validator_for(entity, context)
    doc = validator.complete(doc)
    if not validator.keeps:
        return update.replace(entity, context, item_id, doc, expected)
    from trestle.operations.rewrite import rewrite  # most entities do not need it

    return rewrite(entity, context, item_id, lambda stored: validator.keep(doc, stored), expected)
