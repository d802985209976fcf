"""DELETE on an item."""

from __future__ import annotations

from trestle.http.etags import expected_of_write
from trestle.http.responses import Response
from trestle.operations.delete import delete as remove

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trestle.http.requests import Request


def delete(request: Request) -> Response:
    """204."""
    request.parameters()
    remove(request.item_id, request.owner, expected_of_write(request), deadline=request.deadline)
    return Response(204)
