"""PATCH on an item."""

from __future__ import annotations

from trestle.http.etags import write_precondition
from trestle.http.responses import Response, presenter_of
from trestle.operations.merge import merge
from trestle.operations.validation import validator_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trestle.context import Context
    from trestle.entity import Entity
    from trestle.http.requests import Request
    from trestle.own.operations import HookedOperations


class Merge:
    """Changes items by JSON merge patches."""

    operation = "merge"

    def __init__(self, entity: Entity, hooks: HookedOperations | None = None) -> None:
        self._entity = entity
        self._merge = hooks.merge if hooks else merge
        self._present = presenter_of(entity, hooks)
        validator_of(entity)

    def __call__(self, request: Request, context: Context) -> Response:
        """Return 200 with the item's new state."""
        request.parameters()
        item_id = request.item_id
        expected = write_precondition(request)
        item = self._merge(self._entity, context, item_id, request.document(item_id), expected)
        views = [item.view()]
        if self._present:
            self._present(views, context)
        return Response(200, views[0], {"ETag": item.etag})
