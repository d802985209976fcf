"""The time of day, as items carry it."""

from __future__ import annotations

import time


def now() -> str:
    """Now in UTC, RFC 3339 with microseconds: always 27 characters, so that text sorts as time does."""
    micros = time.time_ns() // 1000
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(micros // 1_000_000))}.{micros % 1_000_000:06}Z"
