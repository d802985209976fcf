"""List items, page by page."""

from __future__ import annotations

import json
from binascii import Error, a2b_base64, b2a_base64
from hashlib import sha256

from trestle.config import CONFIG
from trestle.item import owned
from trestle.operations.ids import is_id
from trestle.store.page import BadPlace, page

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trestle.item import Item
    from trestle.operations.filters import Selection

ORDERED = CONFIG.list == "created"


def list_items(
    limit: int,
    owner: str,
    cursor: str | None = None,
    selection: Selection | None = None,
    *,
    descending: bool = False,
    deadline: float | None = None,
) -> tuple[list[Item], str | None]:
    """Up to `limit` of an owner's items after a cursor, of all or of a selection.

    Returns the cursor of the next page as well, None on the last. Raises ValueError for a cursor that no list
    of this entity, of this owner and selection and in this order gave.
    """
    listed = owned(CONFIG.entity, owner)
    listed = f"{listed}\0{CONFIG.list}\0{descending}" + (f"\0{selection}" if selection else "")
    digest = sha256(listed.encode()).hexdigest()[:12]
    place = None if cursor is None else _opened(cursor, digest, 1 + (ORDERED or selection is not None))
    try:
        items, last = page(limit, owner, place, selection, descending=descending, deadline=deadline)
    except BadPlace:
        raise ValueError(_FOREIGN) from None
    return items, _sealed(digest, last) if last else None


def _sealed(digest: str, place: list[str]) -> str:
    # Only where the page ended: index and hash key come from the next request itself, so that a forged cursor
    # leads nowhere the caller could not go without.
    text = json.dumps([digest, *place], separators=(",", ":"))
    return b2a_base64(text.encode(), newline=False).translate(_TO_URL, b"=").decode()


def _opened(cursor: str, digest: str, length: int) -> list[str]:
    try:
        padded = cursor.encode().translate(_FROM_URL) + b"=" * (-len(cursor) % 4)
        place: list[str]
        seal, *place = json.loads(a2b_base64(padded, strict_mode=True))
    except (Error, ValueError, TypeError, RecursionError):
        raise ValueError(_FOREIGN) from None
    if seal != digest:
        raise ValueError("Belongs to another list or another order")
    if len(place) != length or not is_id(place[0]) or not all(map(_is_key, place)):
        raise ValueError(_FOREIGN)
    return place


def _is_key(value: object) -> bool:
    # A lone surrogate, which JSON can write, is in no text that DynamoDB takes.
    return isinstance(value, str) and value != "" and not any("\ud800" <= sign <= "\udfff" for sign in value)


_FOREIGN = "Is not a cursor of this list"
_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_", b"+/")
