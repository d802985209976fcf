"""List items, page by page."""

from __future__ import annotations

import json
from binascii import Error, a2b_base64, b2a_base64
from hashlib import sha256

from trestle.item import join_key
from trestle.operations.ids import is_id
from trestle.store.page import InvalidPositionError, page

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trestle.context import Context
    from trestle.entity import Entity
    from trestle.item import Item
    from trestle.store.selections import Selection


def list_items(
    entity: Entity,
    context: Context,
    limit: int,
    cursor: str | None = None,
    selection: Selection | None = None,
    *,
    descending: bool = False,
) -> tuple[list[Item], str | None]:
    """Return at most `limit` items after a cursor, and the cursor of the next page.

    selection: the items to list, None for all. The cursor is None on the last page. Raises ValueError for a cursor of
    another list, owner, selection or order, and Forbidden for a selection by properties that the caller may not read.
    """
    if selection and entity.fields:
        from trestle.operations.fields import check_selection  # most entities do not need it

        check_selection(entity, context, selection)
    text = f"{join_key(context.owner, entity.name)}\0{entity.list}\0{descending}"
    digest = sha256((f"{text}\0{selection}" if selection else text).encode()).hexdigest()[:12]
    is_ordered = entity.is_ordered or selection is not None
    start = None if cursor is None else decode_cursor(cursor, digest, 1 + is_ordered)
    try:
        items, end = page(entity, context, limit, start, selection, descending=descending)
    except InvalidPositionError:
        raise ValueError(FOREIGN) from None
    return items, encode_cursor(digest, end) if end else None


def encode_cursor(digest: str, position: list[str]) -> str:
    """Return the cursor of a position in the list with this digest."""
    # A cursor contains only the end of the page. Index and hash key come from the next request itself, so that a forged
    # cursor reaches nothing that the caller could not reach otherwise.
    text = json.dumps([digest, *position], separators=(",", ":"))
    return b2a_base64(text.encode(), newline=False).translate(_TO_URL, b"=").decode()


def decode_cursor(cursor: str, digest: str, length: int) -> list[str]:
    """Return a cursor's position: an id and `length` - 1 strings. Raise ValueError for a cursor of another list."""
    try:
        padded = cursor.encode().translate(_FROM_URL) + b"=" * (-len(cursor) % 4)
        position: list[str]
        seal, *position = json.loads(a2b_base64(padded, strict_mode=True))
    except (Error, ValueError, TypeError, RecursionError):
        raise ValueError(FOREIGN) from None
    if seal != digest:
        raise ValueError("Belongs to another list or another order")
    if len(position) != length or not is_id(position[0]) or not all(map(_is_key, position)):
        raise ValueError(FOREIGN)
    return position


def _is_key(value: object) -> bool:
    # DynamoDB refuses strings with lone surrogates, which JSON can contain.
    return isinstance(value, str) and value != "" and not any("\ud800" <= sign <= "\udfff" for sign in value)


FOREIGN = "Is not a cursor of this list"
_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_", b"+/")
