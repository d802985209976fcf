"""The modules of app/, and what goes wrong in them."""

from __future__ import annotations

import sys

from trestle.errors import QuotableError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType, TracebackType

PACKAGE = "app"


class CodeError(QuotableError):
    """Own code failed. The message says which, where and by what type of error, and quotes no data."""

    def __init__(self, what: str, error: BaseException) -> None:
        super().__init__(f"{what} failed at {place_of(error)} with {type(error).__name__}.")


def load(name: str) -> ModuleType:
    """Return a module of app/. Raise CodeError if it cannot be imported, whatever the cause."""
    try:
        module: ModuleType = __import__(f"{PACKAGE}.{name}", fromlist=[PACKAGE])
    except (Exception, SystemExit) as error:
        raise CodeError(f"The import of {PACKAGE}/{name.replace('.', '/')}.py", error) from error
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
    for folder in getattr(sys.modules.get(PACKAGE), "__path__", ()):
        if path.startswith(f"{folder}/"):
            return f"{PACKAGE}{path[len(folder) :]}"
    return path
