"""Callers who reach the items of other owners: those of `sees_all` read them, those of `acts_for` write them.

The parameter `owner` says whose items are meant. A caller who may not reach them can only name their own owner.
The request's log line says whose items a caller reached who may reach those of others.
"""

from __future__ import annotations

from trestle.errors import Conflict, Forbidden, InvalidRequest, NotFound
from trestle.item import MAX_OWNER_BYTES, escape_owner, is_owner
from trestle.operations.claims import no_owner_detail, token_of
from trestle.operations.everyone import list_everyone
from trestle.operations.fields import permits
from trestle.store.everyone import owners_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from trestle.context import Context
    from trestle.entity import Entity
    from trestle.http.requests import Request
    from trestle.http.responses import Response
    from trestle.item import Item
    from trestle.store.selections import Selection

    class Endpoint(Protocol):
        """An endpoint, as trestle.http.handler knows it."""

        operation: str

        def __call__(self, request: Request, context: Context) -> Response:
            """Return the answer to a request, or raise."""
            ...

    Names = Callable[[Endpoint | None], dict[str, Any]]


_READING = ("get", "list")
PARAMETER = "owner"
_ALL = "*"  # no owner's escaped form


def reaching(entity: Entity, endpoint_of: Callable[[dict[str, Any]], Endpoint]) -> Callable[[dict[str, Any]], Endpoint]:
    """Return what finds the endpoints of an entity, some of whose callers reach the items of other owners."""
    return lambda event: _Reaching(entity, endpoint_of(event))


def naming_owners(names: Names) -> Names:
    """Return what names endpoints in the log, with the owner of the items that the caller reached, if another's."""

    def names_with_owner(endpoint: Any) -> dict[str, Any]:
        found = names(endpoint)
        if endpoint and endpoint.reached:
            found["owner"] = endpoint.reached
        return found

    return names_with_owner


class _Reaching:
    """Answers a request of an endpoint for the owner that the caller means.

    reached: the other owner whose items the caller reached, escaped as in keys, _ALL for those of all, "" for none.
    """

    __slots__ = ("_endpoint", "_entity", "_own", "operation", "reached")

    def __init__(self, entity: Entity, endpoint: Endpoint) -> None:
        self._entity = entity
        self._endpoint: Any = endpoint
        self._own = ""
        self.operation = endpoint.operation
        self.reached = ""

    def __call__(self, request: Request, context: Context) -> Response:
        """Return the endpoint's answer. It says whose the items are to a caller who may reach those of others."""
        own = self._own = context.owner
        asked = request.take(PARAMETER)
        if not self._reaches_others(context):
            if any(each != own for each in asked):
                raise Forbidden("You may reach only the items of your own owner: leave out the parameter owner.")
            return self._for(own, request, context)
        owner = _one_of(asked)
        if self.operation == "list":
            return self._list(owner, request, context)
        if owner or self.operation == "create":
            if not owner and not own:
                raise Forbidden(f"{no_owner_detail(self._entity.owner)} Name the owner in the parameter owner.")
            response = self._for(owner or own, request, context)
        else:
            response = self._find(own, request, context)
        if response.status in (200, 201):
            response.headers["Item-Owner"] = escape_owner(context.owner)
        return response

    def _reaches_others(self, context: Context) -> bool:
        rule = self._entity.sees_all if self.operation in _READING else self._entity.acts_for
        token = token_of(context.gateway or {})
        return token is not None and permits(rule, token.groups, token.scopes, is_owner=False)

    def _for(self, owner: str, request: Request, context: Context) -> Response:
        """Return the endpoint's answer for an owner's items. Raise Forbidden for a caller who has none, ""."""
        if not owner:
            raise Forbidden(no_owner_detail(self._entity.owner))
        self._reach(context, owner)
        response: Response = self._endpoint(request, context)
        return response

    def _list(self, owner: str, request: Request, context: Context) -> Response:
        response: Response
        self._reach(context, owner)
        if owner:
            response = self._endpoint(request, context, owners_of=lambda items: [owner] * len(items))
        else:
            everyone = _Everyone()
            response = self._endpoint(request, context, everyone.list_page, owners_of=everyone.owners_of)
        return response

    def _reach(self, context: Context, owner: str) -> None:
        """Let the request be about the items of an owner, "" for all."""
        context.owner = owner
        if owner != self._own or not owner:
            self.reached = escape_owner(owner) or _ALL

    def _find(self, own: str, request: Request, context: Context) -> Response:
        """Return the endpoint's answer for the caller's own item with the request's id, or else for that of another.

        Raises NotFound, and Conflict where several others have an item with this id.
        """
        if own:
            try:
                return self._for(own, request, context)
            except NotFound:
                pass
        owners = [owner for owner in owners_of(self._entity, context, request.item_id) if owner != own]
        if not owners:
            raise NotFound("There is no item with this id.")
        if len(owners) > 1:
            raise Conflict("Several owners have an item with this id: name one of them by owner.")
        return self._for(owners[0], request, context)


class _Everyone:
    """One request's list of the items of all owners."""

    __slots__ = ("_owners",)

    def __init__(self) -> None:
        self._owners: list[str] = []

    def list_page(
        self,
        entity: Entity,
        context: Context,
        limit: int,
        cursor: str | None,
        selection: Selection | None,
        *,
        descending: bool,
    ) -> tuple[list[Item], str | None]:
        """Return a page, as trestle.operations.list.list_items."""
        found, following = list_everyone(entity, context, limit, cursor, selection, descending=descending)
        self._owners = [owner for owner, _ in found]
        return [item for _, item in found], following

    def owners_of(self, _: list[Item]) -> list[str]:
        """Return the owners of the items of the page."""
        return self._owners


def _one_of(asked: list[str]) -> str:
    """Return the owner that a request names, "" for none. Raise InvalidRequest."""
    if not asked:
        return ""
    detail = "Is repeated" if len(asked) > 1 else f"Must be a text of 1 to {MAX_OWNER_BYTES} bytes"
    if len(asked) > 1 or not is_owner(asked[0]):
        raise InvalidRequest("The query is not valid.", [{"parameter": PARAMETER, "detail": detail}])
    return asked[0]
