"""GET on an item."""

from __future__ import annotations

from trestle.errors import Changed
from trestle.http.etags import expected_states, matches_none
from trestle.http.responses import Response, presenter_of
from trestle.operations.get import get

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trestle.context import Context
    from trestle.entity import Entity
    from trestle.http.requests import Request
    from trestle.own.operations import HookedOperations


class Get:
    """Reads items."""

    operation = "get"

    def __init__(self, entity: Entity, hooks: HookedOperations | None = None) -> None:
        self._entity = entity
        self._present = presenter_of(entity, hooks)

    def __call__(self, request: Request, context: Context) -> Response:
        """Return 200 with the item, or 304 if If-None-Match has its tag and the tag identifies all that is shown."""
        request.parameters()
        expected = expected_states(request.header("if-match"))
        item = get(self._entity, context, request.item_id)
        if expected is not None and item.state not in expected:
            raise Changed("The item has none of the entity tags in If-Match.")
        headers = {"ETag": item.etag}
        # A hook's additions, and what the caller may read, can change without a write.
        if not matches_none(request.header("if-none-match"), item) and not self._present:
            return Response(304, headers=headers)
        views = [item.view()]
        if self._present:
            self._present(views, context)
        return Response(200, views[0], headers)
