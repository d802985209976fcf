"""Import the modules of app/, and describe their errors."""

from __future__ import annotations

from trestle.errors import QuotableError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType, TracebackType
    from typing import Any

PACKAGE = "app"


class CodeError(QuotableError):
    """Own code failed. The message says which code and where, and contains no data."""


def failure(what: str, error: BaseException) -> CodeError:
    """Return the error for own code that raised an exception."""
    return CodeError(f"{what} failed at {place_of(error)} with {type(error).__name__}.")


def bad_result(what: str, function: Any, did: str = "left") -> CodeError:
    """Return the error for own code with an invalid result."""
    while hasattr(function, "__wrapped__"):  # by a decorator
        function = function.__wrapped__
    # A decorator may have turned it into an object, whose code is in its class, or not in Python.
    code = getattr(function, "__code__", None) or getattr(type(function).__call__, "__code__", None)
    place = f" at {_relative(code.co_filename)}:{code.co_firstlineno}" if code else ""
    return CodeError(f"{what}{place} {did} what is not valid.")


def load(name: str) -> ModuleType:
    """Return a module of app/. Raise CodeError if the import fails for any reason."""
    try:
        module: ModuleType = __import__(f"{PACKAGE}.{name}", fromlist=[PACKAGE])
    except BaseException as error:  # even SystemExit, like trestle.own.scope
        raise failure(f"The import of {PACKAGE}/{name.replace('.', '/')}.py", error) from error
    return module


def place_of(error: BaseException) -> str:
    """Return the innermost line of app/ in an error's traceback, such as app/bookings.py:12."""
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
    """Return a file's path, starting with app/."""
    return f"{PACKAGE}/{path.rpartition(f'/{PACKAGE}/')[2]}"
