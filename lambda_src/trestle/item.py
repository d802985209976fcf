"""Items, and the keys under which the table stores them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# The properties that the server sets. It ignores them in bodies.
RESERVED = frozenset(("id", "createdAt", "updatedAt", "version"))


# The characters of ids, and of escaped owners in keys.
CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-")
MAX_OWNER_BYTES = 256


def is_owner(value: Any) -> bool:
    """Return whether a value can be an owner: a text of 1 to 256 bytes, so that keys stay within their limit."""
    try:
        return isinstance(value, str) and 0 < len(value.encode()) <= MAX_OWNER_BYTES
    except ValueError:  # a lone surrogate
        return False


def join_key(owner: str, text: str) -> str:
    """Return the table's key for an owner's text. Without an owner ("") the key is the text itself.

    Only this function makes the keys that find items, so that two owners never share one. The part before the first
    "#" is the escaped owner.
    """
    return f"{escape_owner(owner)}#{text}" if owner else text


def split_key(key: str) -> tuple[str, str]:
    """Return the owner ("" for none) and the item's id of a key of the table."""
    owner, _, item_id = key.rpartition("#")
    if "%" in owner:
        from urllib.parse import unquote  # few owners need it, and it costs 4 ms of a cold start

        owner = unquote(owner)
    return owner, item_id


def escape_owner(owner: str) -> str:
    """Return an owner's form in keys and headers: bytes that ids cannot contain are percent-encoded.

    No two owners share an escaped form.
    """
    if CHARACTERS.issuperset(owner):
        return owner
    return "".join(sign if sign in CHARACTERS else "".join(f"%{byte:02X}" for byte in sign.encode()) for sign in owner)


def state_of(etag: str) -> tuple[str, int] | None:
    """Return the state (created_at, version) that an entity tag encodes, or None for other texts."""
    created, _, version = etag.strip('"').rpartition("-")
    # DynamoDB rejects numbers of more than 38 digits.
    if not (version.isascii() and version.isdecimal() and len(version) <= 38 and version[0] != "0"):
        return None
    return created, int(version)


class Item:
    """One stored item: the client's object `doc`, and the properties that the server adds.

    created_at and updated_at are RFC 3339 in UTC with microseconds; version is the number of writes.
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
        """The pair (created_at, version), which identifies this state of the item."""
        return self.created_at, self.version

    @property
    def etag(self) -> str:
        """The item's strong entity tag: "<createdAt>-<version>" in quotes. Clients can construct it, too."""
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
