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
        """What the own code of a function may use: trestle.own.entities.Entities."""

        def use(self, name: str, operation: str) -> Any:
            """Return an entity for an operation, and the context to use it in."""
            ...


class RightError(QuotableError, PermissionError):
    """Own code may not do this. The message names what to write in the tfvars, or what to call instead."""


class NotHereError(QuotableError, RuntimeError):
    """Own code calls what it cannot use here."""


class LostRaceError(Exception):
    """Somebody else has changed an item since it was read: the hooks have to run again."""


class NoEntities:
    """What own code may use if `uses` names nothing."""

    def use(self, name: str, operation: str) -> Any:
        """Raise RightError."""
        raise missing_right(name, operation)


class Scope:
    """One hook that runs.

    entity: the name of the entity that has the hook. hook: the hook's name. context: the request's. uses: what own
    code of this function may use.
    """

    __slots__ = ("context", "entity", "hook", "uses")

    def __init__(self, entity: str, hook: str, context: Context, uses: Uses) -> None:
        self.entity = entity
        self.hook = hook
        self.context = context
        self.uses = uses

    def __str__(self) -> str:
        return f"{self.hook} of {self.entity}"

    @property
    def attribute(self) -> str:
        """The attribute of the tfvars that gives this own code its rights."""
        return f"entities.{self.entity}.hooks.uses.{self.hook}"


_current: Scope | None = None


def current() -> Scope:
    """Return what runs own code now. Raise NotHereError while a module is imported, and in threads left behind."""
    if _current is None:
        raise NotHereError("Entities can be read and written while a hook runs, not while a module is imported.")
    return _current


def missing_right(name: str, operation: str) -> RightError:
    """Return the error for an operation of the own code that runs, which `uses` lacks."""
    scope = current()
    return RightError(f'{scope} may not {operation} "{name}". Write {name} = ["{operation}"] in {scope.attribute}.')


def run(scope: Scope, level: int, hook: Callable[..., Any], *arguments: Any) -> None:
    """Call a hook; what it prints from `level` on goes to the log.

    Raises Refused as the hook did, Unavailable for app.Unavailable, and CodeError for all else.
    """
    global _current  # noqa: PLW0603 - a function handles one request at a time
    before, _current = _current, scope
    try:
        with Output(level, scope.context, scope.entity):
            hook(*arguments)
    except (errors.Refused, CodeError):
        raise
    except app.Unavailable as error:
        raise errors.Unavailable(error.detail) from error
    except BaseException as error:  # even SystemExit: what escapes would end the function and be logged with its text
        raise failure(f"The hook {scope}", error) from error
    finally:
        _current = before
