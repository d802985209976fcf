"""The item as every layer knows it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# The properties that the server sets. Bodies may contain them; they are ignored.
RESERVED = frozenset(("id", "createdAt", "updatedAt", "version"))


# The characters of ids, and of owners as keys have them.
CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-")
MAX_OWNER_BYTES = 256


def is_owner(value: Any) -> bool:
    """Return whether a value can own items: text of 1 to 256 bytes, so that keys fit with it."""
    try:
        return isinstance(value, str) and 0 < len(value.encode()) <= MAX_OWNER_BYTES
    except ValueError:  # a lone surrogate
        return False


def join_key(owner: str, text: str) -> str:
    """Return a key of the table for a text of an owner's, "" for an item without an owner.

    Every key that finds items is made here, so that two owners never share one: what precedes the first "#" is the
    owner, escaped.
    """
    return f"{escape_owner(owner)}#{text}" if owner else text


def split_key(key: str) -> tuple[str, str]:
    """Return the owner, "" for none, and the item's id from a key of the table."""
    owner, _, item_id = key.rpartition("#")
    if "%" in owner:
        from urllib.parse import unquote  # few owners need it, and it costs 4 ms of a cold start

        owner = unquote(owner)
    return owner, item_id


def escape_owner(owner: str) -> str:
    """Return an owner as keys and headers have it: each byte that no id has is escaped, as in a URL.

    No two owners have the same escaped form.
    """
    if CHARACTERS.issuperset(owner):
        return owner
    return "".join(sign if sign in CHARACTERS else "".join(f"%{byte:02X}" for byte in sign.encode()) for sign in owner)


def state_of(etag: str) -> tuple[str, int] | None:
    """Return the state of an item, (created_at, version), that its entity tag stands for, or None for other texts."""
    created, _, version = etag.strip('"').rpartition("-")
    # DynamoDB rejects numbers of more than 38 digits.
    if not (version.isascii() and version.isdecimal() and len(version) <= 38 and version[0] != "0"):
        return None
    return created, int(version)


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
        """What distinguishes this state of the item from every other: (created_at, version)."""
        return self.created_at, self.version

    @property
    def etag(self) -> str:
        """The item's strong entity tag, "<createdAt>-<version>" in quotes, as clients make it too."""
        return f'"{self.created_at}-{self.version}"'

    def with_doc(self, doc: dict[str, Any]) -> Item:
        """Return the item with another object."""
        return Item(self.id, doc, self.created_at, self.updated_at, self.version)

    def view(self) -> dict[str, Any]:
        """Return the item as clients see it."""
        return {
            "id": self.id,
            **self.doc,
            "createdAt": self.created_at,
            "updatedAt": self.updated_at,
            "version": self.version,
        }
