"""What runs own code now, and on whose behalf."""

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
        """What own code may use of entities: trestle.own.entities.Entities."""

        def use(self, name: str, operation: str, owner: str | None = None) -> Any:
            """Return an entity for an operation, and the context to use it in.

            owner: whose items are meant, None for the caller's.
            """
            ...


class RightError(QuotableError, PermissionError):
    """Own code may not do this. The message names what to write in the tfvars, or what to call instead."""


class NotHereError(QuotableError, RuntimeError):
    """Own code calls what it cannot use here."""


class LostRaceError(Exception):
    """Somebody else has changed an item since it was read: the hooks have to run again.

    may_pass: whether somebody else is only about to change an item, and the same writes may succeed.
    """

    def __init__(self, *, may_pass: bool = False) -> None:
        super().__init__()
        self.may_pass = may_pass


class NoEntities:
    """What own code may use if `uses` names nothing."""

    def use(self, name: str, operation: str, owner: str | None = None) -> Any:
        """Raise RightError."""
        raise missing_right(name, operation)


class Scope:
    """A hook that runs.

    entity: the name of the entity that has the hook. hook: the hook's name. context: the request's. uses: what own
    code of this function may use. owner: what owns the items of the context's owner, "sub" or "claim:NAME", "" for
    items without owners.
    """

    __slots__ = ("context", "entity", "hook", "owner", "uses")

    is_hook = True
    function = ""
    # What it may raise for those who run it.
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
        """What it is, at the beginning of a message."""
        return f"The hook {self}"

    @property
    def attribute(self) -> str:
        """The attribute of the tfvars that gives this own code its rights."""
        return f"entities.{self.entity}.hooks.uses.{self.hook}"


class FunctionScope(Scope):
    """A function of app/ that runs. function: its key in the tfvars."""

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
    """Return what runs own code now, None while a module is imported, and in threads left behind."""
    return _current


def current() -> Scope:
    """Return what runs own code now. Raise NotHereError if nothing does."""
    if _current is None:
        raise NotHereError(
            "Entities can be read and written while a hook or function runs, not while a module is imported."
        )
    return _current


def missing_right(name: str, operation: str) -> RightError:
    """Return the error for an operation of the own code that runs, which `uses` lacks."""
    scope = current()
    if not is_name(name):
        return RightError(f"{scope} may not {operation} an entity of this name, which no entity can have.")
    return RightError(f'{scope} may not {operation} "{name}". Write {name} = ["{operation}"] in {scope.attribute}.')


def is_name(name: Any) -> bool:
    """Return whether a value can be a name in the tfvars, which a message may repeat: others may be data."""
    return isinstance(name, str) and 0 < len(name) <= _MAX_NAME and _NAME_CHARACTERS.issuperset(name)


def run(scope: Scope, level: int, code: Callable[..., Any], *arguments: Any) -> Any:
    """Call own code, and return what it returns; what it prints from `level` on goes to the log.

    Raises what the scope says that it may raise, Unavailable for app.Unavailable, and CodeError for all else.
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
    except BaseException as error:  # even SystemExit: what escapes would end the function and be logged with its text
        raise failure(scope.title, error) from error
    finally:
        _current = before
