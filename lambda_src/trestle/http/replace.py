"""PUT on an item."""

from __future__ import annotations

from trestle.config import CONFIG
from trestle.http.etags import etag, expected_of_write
from trestle.http.responses import Response
from trestle.operations.replace import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trestle.http.requests import Request


def put(request: Request) -> Response:
    """200 with the item as it is now: replaced, or merged where the entity's PUT takes partial bodies."""
    request.parameters()
    item_id = request.item_id
    expected = expected_of_write(request)
    document = request.document(item_id)
    if CONFIG.put == "merge":
        from trestle.operations.merge import merge

        item = merge(item_id, request.owner, document, expected, deadline=request.deadline)
    else:
        item = replace(item_id, request.owner, document, expected, deadline=request.deadline)
    return Response(200, item.view(), {"ETag": etag(item)})
