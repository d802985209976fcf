"""GET on an item."""

from __future__ import annotations

from trestle.errors import Changed
from trestle.http.etags import etag, expected_states, matches_none
from trestle.http.responses import Response
from trestle.operations.get import get

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trestle.context import Context
    from trestle.entity import Entity
    from trestle.http.requests import Request


class Get:
    """Reads items."""

    operation = "get"

    def __init__(self, entity: Entity) -> None:
        self._entity = entity

    def __call__(self, request: Request, context: Context) -> Response:
        """Return 200 with the item, or 304 if If-None-Match has its tag."""
        request.parameters()
        expected = expected_states(request.header("if-match"))
        item = get(self._entity, context, request.item_id)
        if expected is not None and item.state not in expected:
            raise Changed("The item has none of the entity tags in If-Match.")
        headers = {"ETag": etag(item)}
        if not matches_none(request.header("if-none-match"), item):
            return Response(304, headers=headers)
        return Response(200, item.view(), headers)
