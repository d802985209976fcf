"""The running own code, and on whose behalf it runs."""

from __future__ import annotations

from trestle import app, errors
from trestle.errors import QuotableError
from trestle.own.code import CodeError, failure
from trestle.own.output import Output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from trestle.context import Context

    class Uses(Protocol):
        """The entities that own code may use; see trestle.own.entities.Entities."""

        def use(self, name: str, operation: str, owner: str | None = None) -> Any:
            """Return an entity for an operation, and the context to use it in.

            owner: the owner of the items, None for the caller.
            """
            ...


class RightError(QuotableError, PermissionError):
    """Own code may not do this. The message says what to add to the tfvars, or what to call instead."""


class NotHereError(QuotableError, RuntimeError):
    """Own code called a function that it cannot use here."""


class LostRaceError(Exception):
    """Another writer changed an item after it was read, so that the hooks have to run again.

    may_pass: whether another transaction is still in progress, so that the same writes may succeed.
    """

    def __init__(self, *, may_pass: bool = False) -> None:
        super().__init__()
        self.may_pass = may_pass


class NoEntities:
    """Replaces Entities if `uses` is empty."""

    def use(self, name: str, operation: str, owner: str | None = None) -> Any:
        """Raise RightError."""
        raise missing_right(name, operation)


class Scope:
    """A running hook.

    entity: the name of the hook's entity. hook: the hook's name. context: the request's context. uses: the entities
    that the function's own code may use. owner: the entity's `owner` attribute, "sub" or "claim:NAME", "" for items
    without owners.
    """

    __slots__ = ("context", "entity", "hook", "owner", "uses")

    is_hook = True
    function = ""
    # The exceptions that it passes on.
    raises: tuple[type[BaseException], ...] = (errors.Refused, CodeError)

    def __init__(self, entity: str, hook: str, context: Context, uses: Uses, owner: str = "") -> None:
        self.entity = entity
        self.owner = owner
        self.hook = hook
        self.context = context
        self.uses = uses

    def __str__(self) -> str:
        return f"{self.hook} of {self.entity}"

    @property
    def title(self) -> str:
        """The scope's name at the beginning of a message."""
        return f"The hook {self}"

    @property
    def attribute(self) -> str:
        """The tfvars attribute that grants this own code its rights."""
        return f"entities.{self.entity}.hooks.uses.{self.hook}"


class FunctionScope(Scope):
    """A running function of app/. function: its key in the tfvars."""

    __slots__ = ("function",)

    is_hook = False
    raises = (*Scope.raises, app.NotFound, app.Taken, app.Changed, app.Invalid, app.Unavailable, app.Retry)

    def __init__(self, function: str, context: Context, uses: Uses) -> None:
        super().__init__("", "", context, uses)
        self.function = function

    def __str__(self) -> str:
        return self.function

    @property
    def title(self) -> str:
        return f"The function {self}"

    @property
    def attribute(self) -> str:
        return f"functions.{self.function}.uses"


_NAME_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
_MAX_NAME = 64

_current: Scope | None = None


def running() -> Scope | None:
    """Return the running scope, None while a module is imported and in abandoned threads."""
    return _current


def current() -> Scope:
    """Return the running scope. Raise NotHereError if there is none."""
    if _current is None:
        raise NotHereError(
            "Entities can be read and written while a hook or function runs, not while a module is imported."
        )
    return _current


def missing_right(name: str, operation: str) -> RightError:
    """Return the error for an operation that the `uses` of the running own code lacks."""
    scope = current()
    if not is_name(name):
        return RightError(f"{scope} may not {operation} an entity of this name, which no entity can have.")
    return RightError(f'{scope} may not {operation} "{name}". Write {name} = ["{operation}"] in {scope.attribute}.')


def is_name(name: Any) -> bool:
    """Return whether a value can be a name in the tfvars. Messages repeat no other values, which may be data."""
    return isinstance(name, str) and 0 < len(name) <= _MAX_NAME and _NAME_CHARACTERS.issuperset(name)


def run(scope: Scope, level: int, code: Callable[..., Any], *arguments: Any) -> Any:
    """Call own code, and return its result. Its output of `level` or above goes to the log.

    Passes on the scope's exceptions, and raises Unavailable for app.Unavailable and CodeError for everything else.
    """
    global _current  # noqa: PLW0603 - a function handles one request at a time
    before, _current = _current, scope
    try:
        with Output(level, scope.context, entity=scope.entity, function=scope.function):
            return code(*arguments)
    except scope.raises:
        raise
    except app.Unavailable as error:
        raise errors.Unavailable(error.detail) from error
    except BaseException as error:  # even SystemExit, which would end the function and be logged with its text
        raise failure(scope.title, error) from error
    finally:
        _current = before
