"""Require that an item exists, in one of certain states, for a transaction to take place."""

from __future__ import annotations

from trestle.store.delete import deletion
from trestle.store.writes import Write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from trestle.entity import Entity


def presence(entity: Entity, owner: str, item_id: str, expected: Sequence[tuple[str, int]] | None = None) -> Write:
    """Return the check that an item exists, in one of the expected states, (createdAt, version), or any for None.

    Its condition is that of a deletion.
    """
    return Write("ConditionCheck", entity, deletion(entity, owner, item_id, expected).payload)
