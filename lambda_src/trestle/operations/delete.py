"""Delete an item."""

from __future__ import annotations

from trestle.store import delete as store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def delete(
    item_id: str,
    owner: str,
    expected: Sequence[tuple[str, int]] | None = None,
    *,
    deadline: float | None = None,
) -> None:
    """Delete an owner's item.

    expected: the states, (created_at, version), that the item may be in, None for any. Raises
    NotFound, Changed.
    """
    store.delete(item_id, owner, expected, deadline=deadline)
