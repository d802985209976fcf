"""Delete an item."""

from __future__ import annotations

from trestle.store import delete as store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def delete(
    item_id: str, expected: Sequence[tuple[str, int]] | None = None, *, deadline: float | None = None
) -> None:
    """Delete an item that is in one of the expected states, (created_at, version), or in any for None.

    Raises Missing, Changed.
    """
    store.delete(item_id, expected, deadline=deadline)
