"""The time of day, as items carry it."""

from __future__ import annotations

import time


def now() -> str:
    """Now in UTC, as `timestamp` writes it."""
    return timestamp(time.time_ns() // 1000)


def timestamp(micros: int) -> str:
    """Microseconds since 1970 as RFC 3339 in UTC: always 27 characters, so that text sorts as time does."""
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(micros // 1_000_000))}.{micros % 1_000_000:06}Z"
