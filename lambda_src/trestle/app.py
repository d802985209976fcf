"""The public API of Trestle for your own code: `from trestle.app import entity, Refuse`.

This is the only module of the package that code in app/ may import. docs/reference/app.md describes it, and
changes to it follow semantic versioning. Numbers are int or Decimal everywhere, never float. Times are strings in
RFC 3339, in UTC, with microseconds, as in the API's createdAt: "2026-01-31T12:00:00.000000Z".
"""

from __future__ import annotations

import time

from trestle.clock import now as _now
from trestle.errors import MAX_FAULTS, QuotableError, Refused

# Importing typing or collections.abc would cost each cold start milliseconds.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from typing import Any, Protocol, Self

    Object = dict[str, Any]
    Document = Mapping[str, Any]

    class Runtime(Protocol):
        """The implementation of this module's functions: trestle.own, while Trestle runs your code."""

        def entity(self, name: str) -> Entity: ...
        def secret(self, name: str) -> str: ...
        def setting(self, name: str) -> str: ...
        def send(self, function: str, body: Any, *, delay: int) -> None: ...
        def transaction(self) -> AbstractContextManager[Transaction]: ...

else:
    Object = dict

__all__ = (
    "Again",
    "Caller",
    "Change",
    "Changed",
    "Context",
    "Draft",
    "Entity",
    "Event",
    "Invalid",
    "Item",
    "Job",
    "NotFound",
    "Page",
    "Refuse",
    "Request",
    "Response",
    "Retry",
    "Taken",
    "Transaction",
    "Unavailable",
    "entity",
    "secret",
    "send",
    "setting",
    "transaction",
)

_SLUG = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")
_SCALARS = frozenset((str, int, bool, type(None)))
_NOTHING: Document = {}
# SQS hides a message for at most 12 hours, which include the attempt itself.
MAX_RETRY_SECONDS = 43_000
_MAX_CHARACTERS = 2_000
_runtime: Runtime | None = None


class Caller:
    """The sender of a request.

    kind: "user" (a signed-in person), "machine" (a client with a token of its own), "key" (an API key), "iam" (an
    AWS identity) or "anonymous". id: the token's subject, the API key's id or the identity's ARN, "" for anonymous.
    owner: the owner whose items the caller reaches, "" for none. In a hook, the `owner` attribute of its entity names
    the token's claim. In a function, the `owner` attributes of the entities in `uses` do; if these differ, the owner is
    the token's subject. groups, scopes and claims: those of the token, empty without a token.
    """

    __slots__ = ("claims", "groups", "id", "kind", "owner", "scopes")

    def __init__(
        self,
        kind: str = "anonymous",
        id: str = "",
        *,
        owner: str = "",
        groups: Iterable[str] = (),
        scopes: Iterable[str] = (),
        claims: Document = _NOTHING,
    ) -> None:
        self.kind = kind
        self.id = id
        self.owner = owner
        self.groups = frozenset(groups)
        self.scopes = frozenset(scopes)
        self.claims = dict(claims)


class FloatError(QuotableError, TypeError):
    """A draft contains a float. The message names the property."""


class Draft(Object):
    """An item that is about to be written: its properties, which a hook may change in place.

    id: the item's id, also before the item exists. owner: the item's owner, "" in entities without owners. changed:
    the names of the top-level properties that the request changes, all of them for a new item. A hook's own changes
    are not included. A float as a value raises TypeError.
    """

    __slots__ = ("changed", "id", "owner")

    def __init__(
        self,
        properties: Document = _NOTHING,
        /,
        *,
        id: str = "",
        owner: str = "",
        changed: Iterable[str] | None = None,
    ) -> None:
        super().__init__(properties)
        for name, value in properties.items():
            if type(value) not in _SCALARS:
                _refuse_floats(value, f"/{name}")
        self.id = id
        self.owner = owner
        self.changed = frozenset(properties if changed is None else changed)

    def __setitem__(self, name: str, value: Any) -> None:
        _refuse_floats(value, f"/{name}")
        super().__setitem__(name, value)

    def setdefault(self, name: str, default: Any = None) -> Any:
        _refuse_floats(default, f"/{name}")
        return super().setdefault(name, default)

    def update(self, *properties: Any, **more: Any) -> None:
        for name, value in dict(*properties, **more).items():
            self[name] = value

    def __ior__(self, properties: Any) -> Self:  # type: ignore[misc,override] # dict overloads it
        self.update(properties)
        return self


def _refuse_floats(value: Any, where: str) -> None:
    if isinstance(value, float):
        raise FloatError(f"{where} is a float. Use int or Decimal for the numbers of items.")
    if isinstance(value, dict):
        for name, member in value.items():
            _refuse_floats(member, f"{where}/{name}")
    elif isinstance(value, list):
        for index, element in enumerate(value):
            _refuse_floats(element, f"{where}/{index}")


class Item(Object):
    """A stored item: a copy of its properties. Changing the copy does not change what is stored.

    owner: the item's owner, "" in entities without owners. version: the number of writes, the first included.
    created_at and updated_at: times.
    """

    __slots__ = ("created_at", "id", "owner", "updated_at", "version")

    def __init__(
        self,
        properties: Document = _NOTHING,
        /,
        *,
        id: str = "",
        owner: str = "",
        version: int = 1,
        created_at: str = "",
        updated_at: str = "",
    ) -> None:
        super().__init__(properties)
        self.id = id
        self.owner = owner
        self.version = version
        self.created_at = created_at
        self.updated_at = updated_at

    @property
    def etag(self) -> str:
        """The item's entity tag, in quotes, as `if_match` takes it."""
        return f'"{self.created_at}-{self.version}"'


class Page:
    """One page of a list. items: at most `limit` items. next: the cursor of the next page, None on the last page."""

    __slots__ = ("items", "next")

    def __init__(self, items: Iterable[Item] = (), next: str | None = None) -> None:
        self.items = list(items)
        self.next = next


class Entity:
    """Reads and writes the items of an entity, by the API's rules. `entity()` returns it.

    `uses` in the tfvars lists the operations that a hook or function may call here.
    Each method raises PermissionError if `uses` lacks the operation, or if the items belong to an owner that this
    code may not reach; the message says what to add. Each raises Unavailable if the database does not respond.
    The methods that write are for functions; in a hook they raise RuntimeError. They run the entity's hooks, which may
    refuse the write with Refuse. They may write properties that clients cannot write (readOnly).
    """

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def get(self, id: str) -> Item:
        """Return an item in its latest state (a consistent read). Raise NotFound. Needs "get" in `uses`."""
        raise NotImplementedError

    def find(self, id: str) -> Item | None:
        """Return an item in its latest state, or None if it does not exist. Needs "get" in `uses`."""
        raise NotImplementedError

    def list(self, where: Document = _NOTHING, order: str = "asc") -> Iterator[Item]:
        """Iterate over items and read them page by page. Needs "list" in `uses`.

        where: a declared filter with its value, {"status": "open"}, and bounds on the property that the filter sorts
        by, {"dueDate.gte": "2026-01-01"}; the operators are those of the API. order: "asc" or "desc". Lists are
        eventually consistent: an item written a moment ago may be missing. Raise Invalid.
        """
        raise NotImplementedError

    def page(self, where: Document = _NOTHING, limit: int = 25, cursor: str | None = None, order: str = "asc") -> Page:
        """Return one page: at most `limit` items (1 to 100) after a cursor; otherwise like `list`. Raise Invalid."""
        raise NotImplementedError

    def create(self, doc: Document, id: str | None = None, key: str | None = None) -> Item:
        """Create an item, and return it. Needs "create" in `uses`.

        id: the new item's id, for entities with ids = "client". key: an idempotency key of your choice, such as a
        job's id; a second call with the same key returns the first call's item. All callers of the function share its
        keys. Raise Invalid, Taken.
        """
        raise NotImplementedError

    def replace(self, id: str, doc: Document, if_match: str | None = None) -> Item:
        """Replace an item's object, and return the item. Needs "replace" in `uses`.

        `doc` is the whole object: a readOnly property that it lacks is removed. Raise NotFound, Changed, Invalid.
        """
        raise NotImplementedError

    def merge(self, id: str, changes: Document, if_match: str | None = None) -> Item:
        """Apply a JSON merge patch to an item, and return the item; None removes a property.

        Needs "merge" in `uses`. Raise NotFound, Changed, Invalid.
        """
        raise NotImplementedError

    def delete(self, id: str, if_match: str | None = None) -> None:
        """Delete an item. Needs "delete" in `uses`. Raise NotFound, Changed."""
        raise NotImplementedError

    def update(self, id: str, change: Callable[[Draft], object]) -> Item:
        """Read an item, let `change` modify it, write it unless it has changed meanwhile, and return it.

        change: gets a Draft of the item and modifies it in place. If another writer was faster, it runs again on a new
        Draft, up to four times in all; then Changed is raised. Needs "get", and "merge" or "replace", in `uses`. Raise
        NotFound, Changed, Invalid.
        """
        raise NotImplementedError

    def of(self, owner: str) -> Entity:
        """Return the items of one owner, which is a user's id or a tenant.

        Needs owners = "any", unless `owner` is the caller's own. Raise Invalid unless it is a string of 1 to 256 bytes.
        """
        raise NotImplementedError

    @property
    def everyone(self) -> Entity:
        """The items of all owners. They can only be listed, and have no order. Needs owners = "any".

        A list reads the whole table, even with a filter.
        """
        raise NotImplementedError


class Transaction:
    """Writes that succeed or fail together.

    A hook's writes are carried out together with the write of its item. The writes of `transaction()` are carried out
    at the end of the `with` block.

    entity: a name, or what `entity()` returns. otherwise: the Refuse to raise if this write fails. By default, the
    caller of a hook gets 404 if merge or delete finds no item, and 409 for any other failure; a function gets Taken,
    NotFound or Changed. A transaction contains at most 100 writes, the hook's item included, and at most one per item.
    if_match: the item's etag; None accepts any state. A transaction that you construct yourself, for a test, only
    collects `writes`.

    writes: (method, entity, id, object) of each call; the object is None for methods without one.
    """

    __slots__ = ("writes",)

    def __init__(self) -> None:
        self.writes: list[tuple[str, str, str | None, dict[str, Any] | None]] = []

    def create(
        self,
        entity: str | Entity,
        doc: Document,
        id: str | None = None,
        *,
        otherwise: Refuse | None = None,
    ) -> str:
        """Create an item, and return its id: `id`, for entities with ids = "client", or a new one.

        Raise Invalid if the item breaks its schema.
        """
        self.writes.append(("create", name_of(entity), id, dict(doc)))
        return id or f"new-{len(self.writes)}"

    def merge(
        self,
        entity: str | Entity,
        id: str,
        changes: Document,
        *,
        if_match: str | None = None,
        otherwise: Refuse | None = None,
    ) -> None:
        """Apply a JSON merge patch to an item; None removes a property.

        Raise Invalid if the item would break its schema.
        """
        self.writes.append(("merge", name_of(entity), id, dict(changes)))

    def delete(
        self,
        entity: str | Entity,
        id: str,
        *,
        if_match: str | None = None,
        otherwise: Refuse | None = None,
    ) -> None:
        """Delete an item."""
        self.writes.append(("delete", name_of(entity), id, None))

    def check(
        self,
        entity: str | Entity,
        id: str,
        *,
        if_match: str | None = None,
        otherwise: Refuse | None = None,
    ) -> None:
        """Let the transaction fail unless an item exists. The item stays unchanged. Needs "get" in `uses`."""
        self.writes.append(("check", name_of(entity), id, None))


class Context:
    """Information about the request, for a hook or function. It is always the last parameter.

    caller: the Caller, or None if there is none. via: what runs the code: "api", "import" or "function:NAME".
    operation: "create", "replace", "merge", "delete", "get" or "list" in a hook, the function's name in a function.
    request_id: the id in the log and in problem details. now: the time at which the code starts. transaction: the
    hook's Transaction; in a function, it raises RuntimeError.
    """

    __slots__ = ("_caller", "_deadline", "_now", "_transaction", "operation", "request_id", "via")

    def __init__(
        self,
        *,
        caller: Caller | None = None,
        via: str = "api",
        operation: str = "create",
        request_id: str = "",
        now: str = "",
        transaction: Transaction | None = None,
        seconds: float = 29.0,
    ) -> None:
        """Create a context for a test. All arguments have defaults.

        now: the current time by default. seconds: the time that the request has left.
        """
        self._caller = caller
        self.via = via
        self.operation = operation
        self.request_id = request_id
        self._now = now or _now()
        self._transaction = transaction or Transaction()
        self._deadline = time.monotonic() + seconds

    @property
    def caller(self) -> Caller | None:
        """The sender of the request, or None."""
        return self._caller

    @property
    def now(self) -> str:
        """The time at which the hook or function starts."""
        return self._now

    @property
    def transaction(self) -> Transaction:
        """The writes that are carried out together with the item's."""
        return self._transaction

    def seconds_left(self) -> float:
        """Return the seconds until the caller's request times out, at least 0."""
        return max(0.0, self._deadline - time.monotonic())


class Request:
    """A request to a route.

    route: the route as in the tfvars, such as "POST /orders/{id}/pay". path: the values of the route's
    parameters by name. query: the query parameters by name, converted to the types of the query's schema; strings
    without a schema. headers: the headers by lower-case name. body: the body's JSON value, validated by the body's
    schema, with numbers as int or Decimal; None without a body and for other media types. raw: the body's bytes as
    received. idempotency_key: the Idempotency-Key header, or None.
    """

    __slots__ = ("body", "headers", "idempotency_key", "path", "query", "raw", "route")

    def __init__(
        self,
        route: str = "",
        *,
        path: Mapping[str, str] = _NOTHING,
        query: Document = _NOTHING,
        headers: Mapping[str, str] = _NOTHING,
        body: Any = None,
        raw: bytes = b"",
        idempotency_key: str | None = None,
    ) -> None:
        self.route = route
        self.path = dict(path)
        self.query = dict(query)
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.body = body
        self.raw = raw
        self.idempotency_key = idempotency_key


class Response:
    """A route's response.

    status: 200 to 599. body: a dict or list is sent as JSON, a string as it is; None sends no body. headers: the
    headers by name; they override Trestle's Content-Type and Cache-Control.
    """

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, body: Any = None, headers: Mapping[str, str] = _NOTHING) -> None:
        self.status = status
        self.body = body
        self.headers = dict(headers)


class Change:
    """A change of an item, delivered after the write, at least once, and in order for each item.

    id: the change's id, the same on each delivery. entity: the entity's name. kind: "created", "updated", "deleted" or
    "expired". item: the item after the change; for a deletion, the deleted item. before: the item before the change,
    None for "created". at: the time of the change.
    """

    __slots__ = ("at", "before", "entity", "id", "item", "kind")

    def __init__(
        self,
        entity: str,
        kind: str,
        item: Item,
        *,
        before: Item | None = None,
        id: str = "",
        at: str = "",
    ) -> None:
        self.id = id
        self.entity = entity
        self.kind = kind
        self.item = item
        self.before = before
        self.at = at or _now()


class Job:
    """A job from a queue, a schedule or `make run`, delivered at least once.

    id: the job's id, the same at each attempt. body: a JSON value with numbers as int or Decimal, None for a schedule.
    attempt: the number of this attempt, from 1. first_at: the time at which the job was sent.
    """

    __slots__ = ("attempt", "body", "first_at", "id")

    def __init__(self, body: Any = None, *, id: str = "", attempt: int = 1, first_at: str = "") -> None:
        self.id = id
        self.body = body
        self.attempt = attempt
        self.first_at = first_at or _now()


class Event:
    """An event from EventBridge, delivered at least once.

    id: the event's id. type: its detail-type, such as "Object Created". detail: a JSON object with numbers as int
    or Decimal. at: the time of the event.
    """

    __slots__ = ("at", "detail", "id", "type")

    def __init__(self, type: str, detail: Document = _NOTHING, *, id: str = "", at: str = "") -> None:
        self.id = id
        self.type = type
        self.detail = dict(detail)
        self.at = at or _now()


class Again:
    """Returned by a job's handler to send a new job with this body to the same function."""

    __slots__ = ("body",)

    def __init__(self, body: Any = None) -> None:
        self.body = body


class Retry(Exception):  # noqa: N818 - a request to Trestle, not an error
    """Raised by a handler to retry its job or event in `after` seconds, or by default after the queue's backoff."""

    def __init__(self, after: int | None = None) -> None:
        super().__init__()
        if after is not None and (type(after) is not int or not 0 <= after <= MAX_RETRY_SECONDS):
            raise ValueError(f"Retry: after is {after!r}. Use whole seconds, 0 to {MAX_RETRY_SECONDS}.")
        self.after = after


_FIXED = ("code", "detail", "faults", "retry_after", "status")


class Refuse(Refused):
    """Raised by a hook or a route to refuse the request.

    detail: one sentence for the caller, at most 2,000 characters. status: any 4xx except 401, or 502 or 503. code: the
    end of the problem's type, after "urn:trestle:problem:"; lower-case letters, digits, hyphens and underscores.
    pointer: the JSON pointer (RFC 6901) of the invalid property, such as "/price", at most 2,000 characters.
    retry_after: the seconds in the Retry-After header. Any other value raises ValueError.
    """

    def __init__(
        self,
        detail: str,
        *,
        status: int = 422,
        code: str = "refused",
        pointer: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        if not isinstance(detail, str) or not detail:
            raise ValueError(f"Refuse: detail is {detail!r}. Write one sentence for the caller.")
        if pointer is not None and not isinstance(pointer, str):
            raise ValueError(f'Refuse: pointer is {pointer!r}. Use a JSON pointer, such as "/price".')
        if max(len(detail), len(pointer or "")) > _MAX_CHARACTERS:
            raise ValueError(f"Refuse: detail or pointer has over {_MAX_CHARACTERS} characters. Write one sentence.")
        if not _is_text(detail) or (pointer and not _is_text(pointer)):
            raise ValueError(
                "Refuse: detail or pointer contains a lone surrogate, which UTF-8 cannot encode. Remove it."
            )
        if not isinstance(status, int) or status == 401 or status not in (*range(400, 500), 502, 503):
            raise ValueError(f"Refuse: status is {status}. Use any 4xx except 401, or 502 or 503.")
        if not isinstance(code, str) or not code or not _SLUG.issuperset(code):
            raise ValueError(f'Refuse: code is {code!r}. Use lower-case letters, digits, - and _, such as "sold-out".')
        if pointer and not pointer.startswith("/"):
            raise ValueError(f'Refuse: pointer is {pointer!r}. Use a JSON pointer, such as "/price".')
        if retry_after is not None and (type(retry_after) is not int or retry_after < 0):
            raise ValueError(f"Refuse: retry_after is {retry_after!r}. Use whole seconds.")
        faults = [] if pointer is None else [{"pointer": pointer, "detail": detail}]
        super().__init__(detail, faults, status=int(status), code=code, retry_after=retry_after)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _FIXED and name in self.__dict__:
            raise AttributeError(f"Refuse: {name} cannot be changed. Create another Refuse.")
        super().__setattr__(name, value)


class _Outcome(Exception):  # noqa: N818 - the outcome of a call
    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        if not isinstance(detail, str) or not detail or not _is_text(detail):
            raise ValueError(
                f"{type(self).__name__}: detail is empty, not a string, or not valid in UTF-8. Write one sentence."
            )
        self.detail = detail


class NotFound(_Outcome):
    """There is no such item."""

    def __init__(self, detail: str = "There is no item with this id.") -> None:
        super().__init__(detail)


class Taken(_Outcome):
    """The id or the idempotency key is in use."""

    def __init__(self, detail: str = "An item with this id already exists.") -> None:
        super().__init__(detail)


class Changed(_Outcome):
    """The item has changed: it is not in the expected state."""

    def __init__(self, detail: str = "The item has changed.") -> None:
        super().__init__(detail)


class Invalid(_Outcome):
    """An item, an id, a filter or a cursor is not valid.

    faults: at most 20 of {"pointer": where, "detail": why}.
    """

    def __init__(self, detail: str = "The item is not valid.", faults: Iterable[dict[str, str]] = ()) -> None:
        super().__init__(detail)
        self.faults = list(faults)[:MAX_FAULTS]


class Unavailable(_Outcome):
    """The database, Secrets Manager or SQS does not respond. The caller gets 503 unless your code catches it."""

    def __init__(self, detail: str = "The database does not respond. Try again in a moment.") -> None:
        super().__init__(detail)


def entity(name: str) -> Entity:
    """Return the Entity that reads and writes the items of an entity in `uses`. name: its key in the tfvars.

    You may call it while a module is imported. Each operation is checked against `uses` when a hook or function runs.
    """
    return _implementation("entity").entity(name)


def secret(name: str) -> str:
    """Return the value of a secret that `secrets` names. It is read on first use and cached for five minutes.

    Raise PermissionError if `secrets` does not name it, Unavailable if Secrets Manager does not respond, RuntimeError
    if the secret cannot be read or is binary, and RuntimeError in a hook, since hooks have no secrets.
    """
    return _implementation("secret").secret(name)


def setting(name: str) -> str:
    """Return the value of a setting. You may call it while a module is imported.

    Raise PermissionError if `settings` does not name it, RuntimeError in a hook, since hooks have no settings.
    """
    return _implementation("setting").setting(name)


def send(function: str, body: Any, *, delay: int = 0) -> None:
    """Send a job to the queue of a function that `sends` names. The job is delivered at least once.

    body: a JSON value of at most 256 KiB with numbers as int or Decimal. delay: the seconds until the delivery, 0 to
    900. Raise PermissionError if `sends` does not name the function, TypeError for a float or another type that JSON
    lacks, ValueError for a body or delay over its limit, Unavailable if SQS does not respond, RuntimeError if SQS
    refuses the job, and RuntimeError in a hook, since hooks send nothing.
    """
    _implementation("send").send(function, body, delay=delay)


def transaction() -> AbstractContextManager[Transaction]:
    """Return a transaction for a `with` block. It is carried out when the block ends, unless the block raises.

    Raise Changed if another writer has changed an item that the transaction read. Raise RuntimeError in a hook; use
    context.transaction there.
    """
    return _implementation("transaction").transaction()


def _is_text(value: str) -> bool:
    """Return whether a string can be encoded as UTF-8, which excludes lone surrogates."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def name_of(entity: str | Entity) -> str:
    """Return the name of an entity that is given by name or as an Entity."""
    return entity if isinstance(entity, str) else entity.name


def _implementation(name: str) -> Runtime:
    if _runtime is None:
        raise RuntimeError(
            f"{name}() works only in code that Trestle runs. In a test, use the fixture of trestle.testing."
        )
    return _runtime


def _register(runtime: Runtime | None) -> None:
    """Set the implementation of this module's functions."""
    global _runtime  # noqa: PLW0603 - a process serves one function
    _runtime = runtime
