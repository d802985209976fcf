"""Run an entity's hooks: prepare their arguments, and validate their results."""

from __future__ import annotations

from trestle import app, errors
from trestle.clock import micros, timestamp
from trestle.context import Context
from trestle.own import scope
from trestle.own.code import CodeError, bad_result, load
from trestle.own.output import Output
from trestle.own.values import (
    FaultsError,
    differing,
    draft_of,
    exact,
    is_plain,
    is_same,
    plain_object,
    plain_view,
    public_item,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from trestle.entity import Entity
    from trestle.item import Item
    from trestle.operations.validation import Validator
    from trestle.own.scope import Uses

    Hook = Callable[..., object]

    class Attempt(Protocol):
        """One attempt to carry out a request. Hooks can add writes to its transaction."""

        @property
        def transaction(self) -> app.Transaction:
            """The transaction. The first access creates it."""
            ...


class LengthError(errors.QuotableError):
    """A hook added items to an answer or removed items from it."""


class NoTransaction(app.Transaction):
    """Replaces the transaction in operations that write nothing."""

    __slots__ = ("transaction",)

    def __init__(self) -> None:
        super().__init__()
        self.transaction = self

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise scope.NotHereError("The hook `present` cannot write: it only changes how items are shown.")

    create = merge = delete = check = _refuse


class RequestContext(app.Context):
    """The context of a request for its hooks. Rarely used parts are made on access."""

    __slots__ = ("_attempt", "_micros", "_owner", "_request")

    def __init__(self, request: Context, attempt: Attempt, owner: str) -> None:
        self._request = request
        self._owner = owner
        self._attempt = attempt
        self.via = request.writer or ("import" if request.gateway is None else "api")
        self.operation = request.operation
        self.request_id = request.request_id
        self._micros = micros()
        self._deadline = float("inf") if request.deadline is None else request.deadline

    @property
    def caller(self) -> app.Caller | None:
        from trestle.own.callers import caller_of

        return caller_of(self._request, self._owner or "sub")

    @property
    def now(self) -> str:
        return timestamp(self._micros)

    @property
    def transaction(self) -> app.Transaction:
        return self._attempt.transaction


class Hooks:
    """The hooks of one entity. before_create and the others are None if the entity lacks the hook."""

    __slots__ = ("_entity", "_level", "_uses", "before_create", "before_delete", "before_update", "present")

    def __init__(self, entity: Entity, module: str | None, uses: Uses, level: int) -> None:
        """Load the hooks from `module`, the name of a module of app/, or None for an entity without hooks.

        uses: the entities that the function's own code may use. level: the log level. Raise CodeError if the module
        cannot be imported.
        """
        self._entity = entity
        self._uses = uses
        self._level = level
        code: object = None
        if module:
            with Output(level, Context(), entity=entity.name):
                code = load(module)
        self.before_create: Hook | None = getattr(code, "before_create", None)
        self.before_update: Hook | None = getattr(code, "before_update", None)
        self.before_delete: Hook | None = getattr(code, "before_delete", None)
        self.present: Hook | None = getattr(code, "present", None)

    def show(self, views: list[dict[str, Any]], context: Context) -> None:
        """Let the hook `present` modify items in place before they are sent. Raise CodeError if it fails."""
        shown = [view if is_plain(view) else exact(view) for view in views]
        self._call("present", context, NoTransaction(), shown)
        try:
            if len(shown) != len(views):
                raise LengthError(f"The list had {len(views)} items before the hook, and has {len(shown)} after it.")
            views[:] = [plain_view(view) for view in shown]
        except (LengthError, TypeError, ValueError) as error:
            raise self._bad_result("present") from error

    def new_doc(self, context: Context, attempt: Attempt, doc: dict[str, Any], item_id: str) -> dict[str, Any]:
        """Call before_create, and return the new item's object: `doc` itself if the hook changes nothing.

        Raise CodeError if the object cannot be stored. Pass on the exceptions of scope.run.
        """
        if self.before_create is None:
            return doc
        draft = draft_of(doc, item_id, context.owner, doc)
        self._call("before_create", context, attempt, draft)
        return self._made("before_create", draft, doc)

    def changed_doc(self, context: Context, attempt: Attempt, current: Item, doc: dict[str, Any]) -> dict[str, Any]:
        """Call before_update, and return the changed item's object. Errors are those of new_doc."""
        if self.before_update is None:
            return doc
        draft = draft_of(doc, current.id, context.owner, differing(current.doc, doc))
        self._call("before_update", context, attempt, draft, public_item(current, context.owner))
        return self._made("before_update", draft, doc)

    def check_deletion(self, context: Context, attempt: Attempt, current: Item) -> None:
        """Let before_delete refuse a deletion. Raises what scope.run raises."""
        self._call("before_delete", context, attempt, public_item(current, context.owner))

    def validate_result(
        self,
        hook: str,
        validator: Validator,
        given: dict[str, Any],
        made: dict[str, Any],
        check: Callable[..., None],
        *stored: Any,
    ) -> None:
        """Validate the object after a hook. check(made, *stored) raises InvalidItem if it is invalid.

        given: the object before the hook. made: the object after it, `given` itself if the hook changed nothing. Raise
        CodeError for a fault of the hook. If the hook changed nothing and own code wrote the object, raise InvalidItem.
        """
        if made is given and not validator.has_read_only:
            return
        try:
            check(made, *stored)
        except errors.InvalidItem as refusal:
            if made is given and validator.is_own_code:
                raise
            raise self._bad_result(hook) from FaultsError(refusal)

    def _bad_result(self, hook: str) -> CodeError:
        return bad_result(f"The hook {hook} of {self._entity.name}", getattr(self, hook))

    def _made(self, hook: str, draft: app.Draft, doc: dict[str, Any]) -> dict[str, Any]:
        if is_same(draft, doc):
            return doc
        try:
            return plain_object(draft)
        except (TypeError, ValueError) as error:
            raise self._bad_result(hook) from error

    def _call(self, hook: str, context: Context, attempt: Attempt, *arguments: Any) -> None:
        """Run a hook. Raises what scope.run raises."""
        owner = self._entity.owner
        running = scope.Scope(self._entity.name, hook, context, self._uses, owner)
        scope.run(running, self._level, getattr(self, hook), *arguments, RequestContext(context, attempt, owner))


class Used:
    """An entity that own code may use. operations: the permitted ones. hooks: the entity's own."""

    __slots__ = ("entity", "hooks", "operations")

    def __init__(self, entity: Entity, operations: frozenset[str], hooks: Hooks) -> None:
        self.entity = entity
        self.operations = operations
        self.hooks = hooks
