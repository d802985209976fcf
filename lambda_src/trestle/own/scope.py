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


class Scope:
    """One hook that runs.

    entity: the name of the entity that has the hook. hook: the hook's name. context: the request's. uses: what own
    code of this function may use. caller: who sent the request.
    """

    __slots__ = ("caller", "context", "entity", "hook", "uses")

    def __init__(self, entity: str, hook: str, context: Context, uses: Uses, caller: app.Caller | None) -> None:
        self.entity = entity
        self.hook = hook
        self.context = context
        self.uses = uses
        self.caller = caller

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
    except (Exception, SystemExit) as error:
        raise failure(f"The hook {scope}", error) from error
    finally:
        _current = before
