"""POST on the collection."""

from __future__ import annotations

from trestle.http.etags import etag
from trestle.http.requests import client_properties
from trestle.http.responses import Response
from trestle.operations.create import NO_ID, create
from trestle.operations.validation import validator_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trestle.context import Context
    from trestle.entity import Entity
    from trestle.http.requests import Request


class Create:
    """Creates items."""

    operation = "create"

    def __init__(self, entity: Entity) -> None:
        self._entity = entity
        validator_of(entity)

    def __call__(self, request: Request, context: Context) -> Response:
        """Return 201 with the item and its Location; Idempotency-Replayed if an earlier request made it."""
        request.parameters()
        body = request.body
        doc, own_id = client_properties(body), body.get("id", NO_ID)
        item, replayed = create(self._entity, context, doc, own_id, key=request.idempotency_key)
        headers = {"Location": request.location(item.id), "ETag": etag(item)}
        if replayed:
            headers["Idempotency-Replayed"] = "true"
        return Response(201, item.view(), headers)
