"""GET on an item."""

from __future__ import annotations

from trestle.errors import Changed
from trestle.http.etags import etag, expected_states, matches_none
from trestle.http.responses import Response
from trestle.operations import get as operation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trestle.http.requests import Request


def get(request: Request) -> Response:
    """200 with the item, or 304 when If-None-Match has its tag."""
    request.parameters()
    expected = expected_states(request.header("if-match"))
    item = operation.get(request.item_id, request.owner, deadline=request.deadline)
    if expected is not None and item.state not in expected:
        raise Changed("The item has none of the entity tags in If-Match.")
    headers = {"ETag": etag(item)}
    if not matches_none(request.header("if-none-match"), item):
        return Response(304, headers=headers)
    return Response(200, item.view(), headers)
