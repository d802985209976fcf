"""DELETE on an item."""

from __future__ import annotations

from trestle.http.etags import write_precondition
from trestle.http.responses import Response
from trestle.operations.delete import delete

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trestle.context import Context
    from trestle.entity import Entity
    from trestle.http.requests import Request
    from trestle.own.operations import HookedOperations


class Delete:
    """Deletes items."""

    operation = "delete"

    def __init__(self, entity: Entity, hooks: HookedOperations | None = None) -> None:
        self._entity = entity
        self._delete = hooks.delete if hooks else delete

    def __call__(self, request: Request, context: Context) -> Response:
        """Return 204."""
        request.parameters()
        self._delete(self._entity, context, request.item_id, write_precondition(request))
        return Response(204)
