"""The item as every layer knows it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# The properties that are the server's own: a body may repeat them and they are ignored.
RESERVED = frozenset(("id", "createdAt", "updatedAt", "version"))


def owned(text: str, owner: str) -> str:
    """A text as one owner's, "" for nobody's, by whom alone it is found again.

    Every key that the table finds items by goes through here, so that what belongs to two owners never meets:
    "#" is in no owner and in no id.
    """
    return f"{owner}#{text}" if owner else text


def parted(key: str) -> tuple[str, str]:
    """The owner, "" for nobody, and the item's id in a key of the table."""
    owner, _, item_id = key.rpartition("#")
    return owner, item_id


class Item:
    """One stored item: the client's object `doc` and the server's envelope round it.

    created_at and updated_at are RFC 3339, UTC, with microseconds; version counts writes from 1.
    """

    __slots__ = ("created_at", "doc", "id", "updated_at", "version")

    def __init__(self, item_id: str, doc: dict[str, Any], created_at: str, updated_at: str, version: int) -> None:
        self.id = item_id
        self.doc = doc
        self.created_at = created_at
        self.updated_at = updated_at
        self.version = version

    @property
    def state(self) -> tuple[str, int]:
        """What tells this state of the item from every other: (created_at, version)."""
        return self.created_at, self.version

    def view(self) -> dict[str, Any]:
        """The item as clients see it."""
        return {
            "id": self.id,
            **self.doc,
            "createdAt": self.created_at,
            "updatedAt": self.updated_at,
            "version": self.version,
        }
