"""Replace an item's object."""

from __future__ import annotations

from trestle.operations.rules import complete
from trestle.store import update

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from trestle.item import Item


def replace(
    item_id: str,
    owner: str,
    doc: dict[str, Any],
    expected: Sequence[tuple[str, int]] | None = None,
    *,
    deadline: float | None = None,
) -> Item:
    """Give an owner's item another object, with the schema's defaults.

    expected: the states, (created_at, version), that the item may be in, None for any. Raises InvalidItem,
    NotFound, Changed.
    """
    return update.replace(item_id, owner, complete(doc), expected, deadline=deadline)
