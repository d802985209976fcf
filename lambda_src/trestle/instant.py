"""Points in time, as clients write them."""

from __future__ import annotations

from trestle.schema.formats import is_date, is_date_time


def parse_instant(text: str) -> int:
    """Return the microseconds from 1970 to an RFC 3339 date-time, or to the first moment of a date in UTC.

    Fractions of a microsecond are dropped. Raises ValueError for any other text.
    """
    # Imported here: only entities with a time to live and lists by creation time need it.
    from datetime import UTC, datetime, timedelta

    if is_date(text):
        text += "T00:00:00Z"
    elif not is_date_time(text):
        raise ValueError("Must be a date, such as 2026-01-31, or a date-time (RFC 3339)")
    leap = text[17:19] == "60"  # datetime knows no leap seconds: the second before, and one more
    whole = datetime.fromisoformat(f"{text[:17]}59{text[19:]}".upper() if leap else text.upper())
    return (whole - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) + leap * 1_000_000
