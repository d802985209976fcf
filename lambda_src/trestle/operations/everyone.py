"""List the items of all owners, page by page."""

from __future__ import annotations

from hashlib import sha256

from trestle.errors import InvalidRequest
from trestle.item import is_owner
from trestle.operations.list import FOREIGN, decode_cursor, encode_cursor
from trestle.store.everyone import page_of_everyone
from trestle.store.page import InvalidPositionError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trestle.context import Context
    from trestle.entity import Entity
    from trestle.item import Item
    from trestle.store.selections import Selection


def list_everyone(
    entity: Entity, context: Context, limit: int, cursor: str | None, selection: Selection | None, *, descending: bool
) -> tuple[list[tuple[str, Item]], str | None]:
    """Return at most `limit` items with their owners after a cursor, and the cursor of the next page.

    The cursor is None on the last page. Raises ValueError for a cursor of another list or order, and InvalidRequest
    for a selection, since the indexes of filters group items by owner.
    """
    if selection:
        fault = {"parameter": selection.name, "detail": "Filters the items of one owner: add the parameter owner"}
        raise InvalidRequest("The query is not valid.", [fault])
    # The digest of one owner's list has another text, so neither list accepts the other's cursors.
    digest = sha256(f"\0everyone\0{entity.name}\0{descending}".encode()).hexdigest()[:12]
    after = None
    if cursor is not None:
        after = decode_cursor(cursor, digest, 3)
        if not is_owner(after[2]):
            raise ValueError(FOREIGN)
    try:
        found, end = page_of_everyone(entity, context, limit, after, descending=descending)
    except InvalidPositionError:
        raise ValueError(FOREIGN) from None
    return found, encode_cursor(digest, end) if end else None
