"""Control the time that the functions of a system see."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any


class Clock:
    """The time that the functions see. It passes normally until `set` stops it."""

    def __init__(self) -> None:
        self._micros: int | None = None

    def set(self, moment: str | datetime) -> None:
        """Stop the clock at a moment, which is RFC 3339 or a datetime with a time zone."""
        at = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
        if at.tzinfo is None:
            raise ValueError(f'{moment} has no time zone: write one, such as "2027-01-01T12:00:00Z".')
        self._micros = (at - datetime.fromisoformat("1970-01-01T00:00:00Z")) // timedelta(microseconds=1)

    def advance(self, **by: float) -> None:
        """Move the clock forward and stop it there: `advance(days=1)`, with the arguments of timedelta."""
        self._micros = self.time_ns() // 1000 + timedelta(**by) // timedelta(microseconds=1)

    def time(self) -> float:
        """Return the seconds since 1970."""
        return self.time_ns() / 1e9

    def time_ns(self) -> int:
        """Return the nanoseconds since 1970."""
        return time.time_ns() if self._micros is None else self._micros * 1000

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)  # it replaces the module `time`
