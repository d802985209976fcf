"""PATCH on an item."""

from __future__ import annotations

from trestle.http.etags import etag, write_precondition
from trestle.http.responses import Response
from trestle.operations.merge import merge
from trestle.operations.validation import validator_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trestle.context import Context
    from trestle.entity import Entity
    from trestle.http.requests import Request


class Merge:
    """Changes items by JSON merge patches."""

    operation = "merge"

    def __init__(self, entity: Entity) -> None:
        self._entity = entity
        validator_of(entity)

    def __call__(self, request: Request, context: Context) -> Response:
        """Return 200 with the item as the merge patch left it."""
        request.parameters()
        item_id = request.item_id
        expected = write_precondition(request)
        item = merge(self._entity, context, item_id, request.document(item_id), expected)
        return Response(200, item.view(), {"ETag": etag(item)})
