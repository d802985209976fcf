"""A transaction's condition that an item exists, in one of the expected states."""

from __future__ import annotations

from trestle.store.delete import deletion
from trestle.store.writes import Write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from trestle.entity import Entity


def presence(entity: Entity, owner: str, item_id: str, expected: Sequence[tuple[str, int]] | None = None) -> Write:
    """Return the check that an item exists in one of the expected states (createdAt, version); None allows any.

    Its condition is the same as a deletion's.
    """
    return Write("ConditionCheck", entity, deletion(entity, owner, item_id, expected).payload)
