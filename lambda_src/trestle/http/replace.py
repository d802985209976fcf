"""PUT on an item."""

from __future__ import annotations

from trestle.http.etags import write_precondition
from trestle.http.responses import Response, presenter_of
from trestle.operations.replace import replace
from trestle.operations.validation import validator_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from trestle.context import Context
    from trestle.entity import Entity
    from trestle.http.requests import Request
    from trestle.item import Item
    from trestle.own.operations import HookedOperations


class Replace:
    """Replaces items, or merges where the entity's PUT takes partial bodies."""

    operation = "replace"

    def __init__(self, entity: Entity, hooks: HookedOperations | None = None) -> None:
        self._entity = entity
        self._present = presenter_of(entity, hooks)
        self._put: Callable[[Entity, Context, str, dict[str, Any], Sequence[tuple[str, int]] | None], Item] = replace
        if entity.put == "merge":
            from trestle.operations.merge import merge

            self._put = merge
        if hooks:
            self._put = hooks.merge if entity.put == "merge" else hooks.replace
        validator_of(entity)

    def __call__(self, request: Request, context: Context) -> Response:
        """Return 200 with the item's new state."""
        request.parameters()
        item_id = request.item_id
        expected = write_precondition(request)
        item = self._put(self._entity, context, item_id, request.document(item_id), expected)
        views = [item.view()]
        if self._present:
            self._present(views, context)
        return Response(200, views[0], {"ETag": item.etag})
