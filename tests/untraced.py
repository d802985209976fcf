"""Run code that is not measured without coverage's tracer.

On Python 3.11 a traced thread runs every instruction slowly, so moto and botocore take twice as long in tests. A
wrapped function removes the tracer for the time of its call, since the tracer must see matching calls and returns.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

import pytest


def leave_untraced(patch: pytest.MonkeyPatch, owner: type, *names: str) -> None:
    """Make these methods of a class run untraced."""
    for name in names:
        patch.setattr(owner, name, untraced(getattr(owner, name)))


def untraced(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function wrapped so that it runs untraced."""

    @functools.wraps(function)
    def call(*arguments: Any, **options: Any) -> Any:
        trace = sys.gettrace()
        sys.settrace(None)
        try:
            return function(*arguments, **options)
        finally:
            sys.settrace(trace)

    return call
