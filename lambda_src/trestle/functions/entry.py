"""The Lambda handler of a function of app/, by its kind. Each kind's modules are imported only where they run."""

from __future__ import annotations

from trestle.errors import QuotableError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    Handler = Callable[[dict[str, Any], Any], Any]


class KindError(QuotableError):
    """A function is of no known kind."""


def make_handler(environment: Mapping[str, str]) -> Handler:
    """Return the Lambda handler of the function that an environment describes."""
    raise KindError(f"This version cannot run {environment['FUNCTION']}.")
