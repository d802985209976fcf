"""Replace an item's object."""

from __future__ import annotations

from trestle.operations.validation import validator_of
from trestle.store import update

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from trestle.context import Context
    from trestle.entity import Entity
    from trestle.item import Item


def replace(
    entity: Entity,
    context: Context,
    item_id: str,
    doc: dict[str, Any],
    expected: Sequence[tuple[str, int]] | None = None,
) -> Item:
    """Give an item another object, with the schema's defaults.

    expected: the states, (created_at, version), that the item may be in, None for any. Raises InvalidItem,
    NotFound, Changed.
    """
    return update.replace(entity, context, item_id, validator_of(entity).complete(doc), expected)
