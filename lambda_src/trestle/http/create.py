"""POST on the collection."""

from __future__ import annotations

from trestle.http.requests import client_properties
from trestle.http.responses import Response, presenter_of
from trestle.operations.create import NO_ID, create
from trestle.operations.validation import validator_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trestle.context import Context
    from trestle.entity import Entity
    from trestle.http.requests import Request
    from trestle.own.operations import HookedOperations


class Create:
    """Creates items."""

    operation = "create"

    def __init__(self, entity: Entity, hooks: HookedOperations | None = None) -> None:
        self._entity = entity
        self._create = hooks.create if hooks else create
        self._present = presenter_of(entity, hooks)
        validator_of(entity)

    def __call__(self, request: Request, context: Context) -> Response:
        """Return 201 with the item and its Location, and with Idempotency-Replayed if an earlier request made it."""
        request.parameters()
        body = request.body
        doc, own_id = client_properties(body), body.get("id", NO_ID)
        item, replayed = self._create(self._entity, context, doc, own_id, key=request.idempotency_key)
        headers = {"Location": request.location(item.id), "ETag": item.etag}
        if replayed:
            headers["Idempotency-Replayed"] = "true"
        views = [item.view()]
        if self._present:
            self._present(views, context)
        return Response(201, views[0], headers)
