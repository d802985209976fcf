"""The items of all owners, for functions of app/ that may reach them."""

from __future__ import annotations

from hashlib import sha256

from trestle import app, errors
from trestle.item import is_owner
from trestle.operations.list import FOREIGN, decode_cursor, encode_cursor
from trestle.own.values import raise_public, shown_item
from trestle.store.page import InvalidPositionError
from trestle.store.scan import scan_all, scan_page

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from trestle.context import Context
    from trestle.entity import Entity
    from trestle.store.selections import Selection


def list_everyone(entity: Entity, context: Context, selection: Selection | None) -> Iterator[app.Item]:
    """Yield the items of all owners, without an order."""
    try:
        _check(entity, context, selection)
        for owner, item in scan_all(entity, context, selection):
            yield shown_item(entity, context, item, owner)
    except errors.Refusal as refusal:
        raise_public(refusal)


def page_of_everyone(
    entity: Entity, context: Context, limit: int, cursor: str | None, selection: Selection | None
) -> app.Page:
    """Return at most `limit` items of all owners after a cursor. Raise ValueError for a cursor of another list."""
    _check(entity, context, selection)
    digest = sha256(f"*#{entity.name}\0{selection or ''}".encode()).hexdigest()[:12]
    after: tuple[str, str] | None = None
    if cursor is not None:
        item_id, owner = decode_cursor(cursor, digest, 2)
        if not is_owner(owner):
            raise ValueError(FOREIGN)
        after = owner, item_id
    try:
        found, is_last = scan_page(entity, context, limit, after, selection)
    except InvalidPositionError:
        raise ValueError(FOREIGN) from None
    items = [shown_item(entity, context, item, owner) for owner, item in found]
    return app.Page(items, None if is_last else encode_cursor(digest, [items[-1].id, items[-1].owner]))


def _check(entity: Entity, context: Context, selection: Selection | None) -> None:
    """Raise Forbidden for a selection by properties that the caller may not read."""
    if selection and entity.fields:
        from trestle.operations.fields import check_selection  # most entities do not need it

        check_selection(entity, context, selection)
