"""Compare the OpenAPI document's patterns with what the functions accept."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any

from tools.contract import LIMITS
from trestle.errors import InvalidRequest
from trestle.http.etags import MAX_TAGS, expected_states
from trestle.http.list import _parse_fields
from trestle.http.requests import Request
from trestle.operations.ids import is_id
from trestle.operations.list import encode_cursor

PATTERNS = {name: limit["pattern"] for name, limit in LIMITS.items() if "pattern" in limit}


def matches(name: str, text: str) -> bool:
    """Return whether a pattern matches a text in ECMA 262; Python's $ also matches before a final line end."""
    return re.search(PATTERNS[name].replace("$", r"\Z"), text) is not None


def texts(alphabet: str, longest: int) -> Iterator[str]:
    """Yield every text of these characters up to a length."""
    for length in range(longest + 1):
        yield from map("".join, itertools.product(alphabet, repeat=length))


def takes(read: Callable[[str], Any]) -> Callable[[str], bool]:
    """Return a function that tells whether a parser accepts a text, or raises an error that becomes a 400."""

    def accepted(text: str) -> bool:
        try:
            read(text)
        except (InvalidRequest, ValueError):
            return False
        return True

    return accepted


def test_entity_tags() -> None:
    taken = takes(expected_states)
    tried = [*texts('"*W/, ', 6), *texts('"a\t,', 7)]
    for count in (MAX_TAGS, MAX_TAGS + 1):
        tried += [", ".join(['"a"'] * count), ",".join(['W/"a"'] * count) + " ,,"]
    # HTTP strips blanks at the ends of a header.
    tried = [text for text in tried if text == text.strip(" \t")]
    assert [text for text in tried if matches("entity_tags", text) != taken(text)] == []


def test_ids() -> None:
    tried = [text for text in texts("aZ9._~-/%ü\n", 4) if text]
    assert [text for text in tried if matches("id", text) != is_id(text)] == []


def test_fields_parameter() -> None:
    assert [text for text in texts("a, .\n", 6) if matches("fields", text) != takes(_parse_fields)(text)] == []


def test_idempotency_keys() -> None:
    def read(text: str) -> str:
        event = {"requestContext": {}, "multiValueHeaders": {"Idempotency-Key": [text]}}
        return Request(event).idempotency_key

    tried = [*map(chr, range(0x180)), "a b", "", "a\n"]
    assert [text for text in tried if matches("idempotency_key", text) != takes(read)(text)] == []


def test_cursors() -> None:
    assert all(matches("cursor", encode_cursor("0" * 12, ["a" * length, "ü?>"])) for length in range(1, 20))
    assert not any(matches("cursor", text) for text in ("", "=", "a+b", "a/b", "a b", "ü"))
