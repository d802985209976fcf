"""Read the public corpora, each stored beside its licence; README.md names their sources."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def read(path: str) -> Any:
    """Return the content of a corpus file with exact numbers. Raise FileNotFoundError with the file's name."""
    return json.loads((HERE / path).read_bytes(), parse_float=Decimal)


def parsing() -> dict[str, bytes]:
    """Return the texts of JSONTestSuite by name. y_ must be read, n_ must be refused, i_ may be either.

    The package has U+FFFD in place of bytes that are not UTF-8. Here they are FF, which is not UTF-8 either.
    """
    texts: dict[str, str] = read("json-test-suite/parsing.json")
    # Too long to be stored as files.
    texts["n_structure_100000_opening_arrays.json"] = "[" * 100_000
    texts["n_structure_open_array_object.json"] = '[{"":' * 50_000 + "\n"
    return {name: text.encode().replace("\ufffd".encode(), b"\xff") for name, text in texts.items()}


def schema_tests() -> dict[str, list[dict[str, Any]]]:
    """Return JSON-Schema-Test-Suite's groups by file: {description, schema, tests: [{description, data, valid}]}."""
    groups: dict[str, list[dict[str, Any]]] = read("json-schema-test-suite/tests.json")
    return groups


def naughty_strings() -> list[str]:
    """Return the Big List of Naughty Strings without duplicates."""
    return list(dict.fromkeys(read("naughty-strings/blns.json")))
