"""Keep coverage's tracer out of code that is not measured.

On Python 3.11, a traced thread runs every instruction the slow way, so that what moto and botocore do for a test
takes twice as long. The tracer counts calls and returns: one function takes it off and puts it back.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

import pytest


def leave_untraced(patch: pytest.MonkeyPatch, owner: type, *names: str) -> None:
    """Let these methods of a class run untraced."""
    for name in names:
        patch.setattr(owner, name, untraced(getattr(owner, name)))


def untraced(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function as one that runs untraced."""

    @functools.wraps(function)
    def call(*arguments: Any, **options: Any) -> Any:
        trace = sys.gettrace()
        sys.settrace(None)
        try:
            return function(*arguments, **options)
        finally:
            sys.settrace(trace)

    return call
