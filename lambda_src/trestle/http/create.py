"""POST on the collection."""

from __future__ import annotations

from trestle.http.etags import etag
from trestle.http.requests import without_reserved
from trestle.http.responses import Response
from trestle.operations.create import NO_ID, create

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trestle.http.requests import Request


def post(request: Request) -> Response:
    """201 with the item and its Location; Idempotency-Replayed when an earlier request made it."""
    request.parameters()
    body = request.body
    item, replayed = create(
        without_reserved(body),
        request.owner,
        body.get("id", NO_ID),
        key=request.idempotency_key,
        caller=request.caller,
        deadline=request.deadline,
    )
    headers = {"Location": request.location(item.id), "ETag": etag(item)}
    if replayed:
        headers["Idempotency-Replayed"] = "true"
    return Response(201, item.view(), headers)
