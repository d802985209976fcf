"""PATCH on an item."""

from __future__ import annotations

from trestle.http.etags import etag, expected_of_write
from trestle.http.responses import Response
from trestle.operations.merge import merge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trestle.http.requests import Request


def patch(request: Request) -> Response:
    """200 with the item as the merge patch left it."""
    request.parameters()
    item_id = request.item_id
    expected = expected_of_write(request)
    document = request.document(item_id)
    item = merge(item_id, request.owner, document, expected, deadline=request.deadline)
    return Response(200, item.view(), {"ETag": etag(item)})
