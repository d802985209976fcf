"""The current time, in the form of createdAt and updatedAt."""

from __future__ import annotations

import time


def now() -> str:
    """Return the current time as a timestamp."""
    return timestamp(micros())


def micros() -> int:
    """Return the current time in microseconds since 1970."""
    return time.time_ns() // 1000


def timestamp(micros: int) -> str:
    """Return microseconds since 1970 as RFC 3339 in UTC, always in 27 characters, so that texts sort by time."""
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(micros // 1_000_000))}.{micros % 1_000_000:06}Z"
