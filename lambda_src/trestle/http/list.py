"""GET on the collection."""

from __future__ import annotations

from itertools import chain

from trestle.errors import InvalidRequest
from trestle.http.responses import Response, presenter_of
from trestle.operations.list import list_items
from trestle.strict_json import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from trestle.context import Context
    from trestle.entity import Entity
    from trestle.http.requests import Request
    from trestle.item import Item
    from trestle.own.operations import HookedOperations
    from trestle.store.selections import Selection

    class ListPage(Protocol):
        """A function that reads a page of a list."""

        def __call__(
            self, entity: Entity, context: Context, limit: int, cursor: str | None, selection: Selection | None, /,
            *, descending: bool,
        ) -> tuple[list[Item], str | None]:  # fmt: skip
            """Return at most `limit` items after a cursor, and the cursor of the next page."""
            ...


_DEFAULT_LIMIT = 25
_MAX_LIMIT = 100
# A Lambda response has at most 6 MB of JSON, in which the body is escaped once more. DynamoDB ends a page at
# 1 MB, but a control character takes one byte there and seven in the response. A body below this size always fits.
_MAX_ANSWER_BYTES = 6 * 1024 * 1024 - 64 * 1024
_FITTING_CHARACTERS = _MAX_ANSWER_BYTES // 4


class List:
    """Lists items."""

    operation = "list"

    def __init__(self, entity: Entity, hooks: HookedOperations | None = None) -> None:
        self._entity = entity
        self._present = presenter_of(entity, hooks)
        self._parsers: dict[str, Callable[[str], Any]] = {
            "limit": _parse_limit, "cursor": str, "order": _parse_order, "fields": _parse_fields,
        }  # fmt: skip
        self._filters = None
        if entity.filters:
            from trestle.http.filters import FilterParameters

            self._filters = FilterParameters(entity)
            self._parsers |= self._filters.parsers

    def __call__(
        self,
        request: Request,
        context: Context,
        list_page: ListPage = list_items,
        owners_of: Callable[[list[Item]], list[str]] | None = None,
    ) -> Response:
        """Return 200 with one page; its `next` and its Link header lead to the next page.

        list_page: reads the page, like list_items. owners_of: returns the owners of its items for the answer.
        """
        query = request.parameters(self._parsers)
        selection = self._filters.selection(query) if self._filters else None
        if "order" in query and not (self._entity.is_ordered or selection):
            raise _invalid("order", "This list has no order")
        limit = at_most = query.get("limit", _DEFAULT_LIMIT)
        descending = query.get("order") == "desc"
        # A name may contain a comma, so that "a,b" asks for the properties a, b and "a,b".
        wanted = f",{query['fields']}," if "fields" in query else ""
        while True:
            try:
                items, cursor = list_page(
                    self._entity, context, at_most, query.get("cursor"), selection, descending=descending
                )
            except ValueError as error:
                raise _invalid("cursor", str(error)) from None
            views = [item.view() for item in items]
            if self._present:
                self._present(views, context)
            if wanted:
                views = [
                    {name: value for name, value in view.items() if name == "id" or f",{name}," in wanted}
                    for view in views
                ]
            page = {"items": views, "count": len(views), "next": cursor}
            if owners_of:
                page["owners"] = owners_of(items)
            response = Response(200, page)
            if not _is_too_long(response.body):
                break
            at_most = len(items) // 2
        if cursor:
            following = {**request.query, "cursor": cursor, "limit": str(limit)}
            response.headers["Link"] = f'<?{_query_string(following)}>; rel="next"'
        return response


def _is_too_long(body: str) -> bool:
    return len(body) > _FITTING_CHARACTERS and len(dumps(body).encode()) > _MAX_ANSWER_BYTES


def _invalid(parameter: str, detail: str) -> InvalidRequest:
    return InvalidRequest("The query is not valid.", [{"parameter": parameter, "detail": detail}])


def _parse_limit(text: str) -> int:
    if text.isascii() and text.isdecimal() and len(text) <= 3 and 1 <= int(text) <= _MAX_LIMIT:
        return int(text)
    raise ValueError(f"Must be a whole number from 1 to {_MAX_LIMIT}")


def _parse_order(text: str) -> str:
    if text not in ("asc", "desc"):
        raise ValueError("Must be asc or desc")
    return text


def _parse_fields(text: str) -> str:
    if not all(text.split(",")):
        raise ValueError("Must be property names separated by commas")
    return text


def _query_string(parameters: dict[str, str]) -> str:
    if all(text.isascii() and text.translate(_UNESCAPED).isalnum() for text in chain(*parameters.items())):
        return "&".join(f"{name}={value}" for name, value in parameters.items())
    from urllib.parse import urlencode  # adds 4 ms to a cold start, and most queries need no escapes

    return urlencode(parameters)


_UNESCAPED = dict.fromkeys(map(ord, "-_.~,"))
