"""Public corpora, each as data beside its licence: README.md says where they come from."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def read(path: str) -> Any:
    """The content of a corpus' file, its numbers exact. Raises FileNotFoundError with the file's name."""
    return json.loads((HERE / path).read_bytes(), parse_float=Decimal)


def parsing() -> dict[str, bytes]:
    """JSONTestSuite: texts by name. y_ must be read, n_ must be refused, i_ may be either.

    The package has U+FFFD in the place of bytes that are no UTF-8: here they are FF, which is none either.
    """
    texts: dict[str, str] = read("json-test-suite/parsing.json")
    # Too long to be kept as they are.
    texts["n_structure_100000_opening_arrays.json"] = "[" * 100_000
    texts["n_structure_open_array_object.json"] = '[{"":' * 50_000 + "\n"
    return {name: text.encode().replace("\ufffd".encode(), b"\xff") for name, text in texts.items()}


def schema_tests() -> dict[str, list[dict[str, Any]]]:
    """JSON-Schema-Test-Suite: by file, groups {description, schema, tests: [{description, data, valid}]}."""
    groups: dict[str, list[dict[str, Any]]] = read("json-schema-test-suite/tests.json")
    return groups


def naughty_strings() -> list[str]:
    """The Big List of Naughty Strings, each of them once."""
    return list(dict.fromkeys(read("naughty-strings/blns.json")))
