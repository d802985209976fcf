"""PUT on an item."""

from __future__ import annotations

from trestle.http.etags import etag, write_precondition
from trestle.http.responses import Response
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


class Replace:
    """Replaces items, or merges where the entity's PUT takes partial bodies."""

    operation = "replace"

    def __init__(self, entity: Entity) -> None:
        self._entity = entity
        self._put: Callable[[Entity, Context, str, dict[str, Any], Sequence[tuple[str, int]] | None], Item] = replace
        if entity.put == "merge":
            from trestle.operations.merge import merge

            self._put = merge
        validator_of(entity)

    def __call__(self, request: Request, context: Context) -> Response:
        """Return 200 with the item as it is now."""
        request.parameters()
        item_id = request.item_id
        expected = write_precondition(request)
        item = self._put(self._entity, context, item_id, request.document(item_id), expected)
        return Response(200, item.view(), {"ETag": etag(item)})
