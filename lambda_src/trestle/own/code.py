"""The modules of app/, and what goes wrong in them."""

from __future__ import annotations

from trestle.errors import QuotableError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType, TracebackType
    from typing import Any

PACKAGE = "app"


class CodeError(QuotableError):
    """Own code failed. The message says which and where, and quotes no data."""


def failure(what: str, error: BaseException) -> CodeError:
    """Return the error for own code that has raised an error."""
    return CodeError(f"{what} failed at {place_of(error)} with {type(error).__name__}.")


def bad_result(what: str, function: Any, did: str = "left") -> CodeError:
    """Return the error for a function of own code that has left, or returned, what is not valid."""
    while hasattr(function, "__wrapped__"):  # by a decorator
        function = function.__wrapped__
    # A decorator may have made an object of it, which has its code in its class, or none in Python.
    code = getattr(function, "__code__", None) or getattr(type(function).__call__, "__code__", None)
    place = f" at {_relative(code.co_filename)}:{code.co_firstlineno}" if code else ""
    return CodeError(f"{what}{place} {did} what is not valid.")


def load(name: str) -> ModuleType:
    """Return a module of app/. Raise CodeError if it cannot be imported, whatever the cause."""
    try:
        module: ModuleType = __import__(f"{PACKAGE}.{name}", fromlist=[PACKAGE])
    except BaseException as error:  # even SystemExit, as in trestle.own.scope
        raise failure(f"The import of {PACKAGE}/{name.replace('.', '/')}.py", error) from error
    return module


def place_of(error: BaseException) -> str:
    """Return the last line of app/ that an error came by, such as app/bookings.py:12."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_relative(error.filename)}:{error.lineno}"
    place = "an unknown line"
    step: TracebackType | None = error.__traceback__
    while step:
        path = step.tb_frame.f_code.co_filename
        if step.tb_frame.f_globals.get("__name__", "").partition(".")[0] == PACKAGE:
            place = f"{_relative(path)}:{step.tb_lineno}"
        step = step.tb_next
    return place


def _relative(path: str) -> str:
    """Return a file's path from app/ on."""
    return f"{PACKAGE}/{path.rpartition(f'/{PACKAGE}/')[2]}"
