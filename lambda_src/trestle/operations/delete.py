"""Delete an item."""

from __future__ import annotations

from trestle.store import delete as store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from trestle.context import Context
    from trestle.entity import Entity


def delete(entity: Entity, context: Context, item_id: str, expected: Sequence[tuple[str, int]] | None = None) -> None:
    """Delete an item.

    expected: the states (created_at, version) that the item may be in; None allows any. Raises NotFound, Changed.
    """
    store.delete(entity, context, item_id, expected)
