"""Test the item types that `make types` generates: for each kind of schema, and under mypy."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.test_own_code import write_files
from tools.entity_types import FILE, HEAD, main, module_of

TEXT = {"type": "string"}
ORDER = {
    "type": "object",
    "required": ["status", "lines", "total"],
    "properties": {
        "status": {"type": "string", "enum": ["open", 'say "hi"']},
        "total": {"type": "number"},
        "count": {"type": "integer"},
        "paid": {"type": "boolean"},
        "tags": {"type": "array", "items": TEXT},
        "lines": {
            "type": "array",
            "items": {"type": "object", "required": ["sku"], "properties": {"sku": TEXT, "price": {"type": "number"}}},
        },
        "labels": {"type": "object", "additionalProperties": {"type": "integer"}},
        "extra": {"type": "object"},
        "note": {"anyOf": [TEXT, {"enum": [None]}, TEXT]},
        "level": {"oneOf": [{"enum": [1, True, 2.5, [1], {"a": 1}]}, {"type": "integer"}]},
        "anything": {"allOf": [TEXT]},
        "either": {"anyOf": [TEXT, {}]},
    },
}
WRITTEN = '''

class OrderLineLinesItem(TypedDict):
    """Inside an item of schemas/order-line.json."""

    sku: str
    price: NotRequired[int | Decimal]


class OrderLine(TypedDict):
    """An item of schemas/order-line.json."""

    status: Literal["open", "say \\"hi\\""]
    total: int | Decimal
    count: NotRequired[int]
    paid: NotRequired[bool]
    tags: NotRequired[list[str]]
    lines: list[OrderLineLinesItem]
    labels: NotRequired[dict[str, int]]
    extra: NotRequired[dict[str, Any]]
    note: NotRequired[str | None]
    level: NotRequired[Literal[1, True] | Decimal | list[Any] | dict[str, Any] | int]
    anything: NotRequired[Any]
    either: NotRequired[Any]
'''


def schema(**properties: Any) -> str:
    return json.dumps({"type": "object", "properties": properties})


def test_each_kind_of_schema(tmp_path: Path) -> None:
    numbers = {"type": "array", "items": {"type": "integer"}}  # a route's response
    write_files(tmp_path, {"schemas/order-line.json": json.dumps(ORDER), "schemas/numbers.json": json.dumps(numbers)})
    assert module_of(tmp_path) == HEAD + WRITTEN


def test_names_that_are_not_class_names(tmp_path: Path) -> None:
    inner = {"type": "object", "properties": {"a": TEXT}}
    schemas = {
        "any": schema(x=TEXT), "class": schema(), "2fast": schema(), "a-b": schema(**{"c d": inner, "from": TEXT}),
        "a_b": schema(str=TEXT), "c": schema(Any=TEXT), "d": schema(__private=TEXT), "é": schema(),
    }  # fmt: skip
    write_files(tmp_path, {f"schemas/{name}.json": text for name, text in schemas.items()})
    text = module_of(tmp_path)
    assert (
        text.split("\n\n\n", 1)[1]
        == '''\
class X2fast(TypedDict):
    """An item of schemas/2fast.json."""


class ABCD(TypedDict):
    """Inside an item of schemas/a-b.json."""

    a: NotRequired[str]


# An item of schemas/a-b.json.
AB = TypedDict("AB", {
    "c d": "NotRequired[ABCD]",
    "from": "NotRequired[str]",
})


# An item of schemas/a_b.json.
AB2 = TypedDict("AB2", {
    "str": "NotRequired[str]",
})


class Any2(TypedDict):
    """An item of schemas/any.json."""

    x: NotRequired[str]


# An item of schemas/c.json.
C = TypedDict("C", {
    "Any": "NotRequired[str]",
})


class Class(TypedDict):
    """An item of schemas/class.json."""


# An item of schemas/d.json.
D = TypedDict("D", {
    "__private": "NotRequired[str]",
})


class X(TypedDict):
    """An item of schemas/é.json."""
'''
    )


USE = """
from collections.abc import Mapping
from typing import Any
from decimal import Decimal
from app.entities import AB, OrderLine

order: OrderLine = {"status": "open", "total": Decimal("1.5"), "lines": [{"sku": "a"}]}
document: Mapping[str, Any] = order  # as Entity takes it
other: AB = {"c d": {"a": "b"}}
"""
MISUSE = {
    'order["status"] = "shut"': "typeddict-item",
    'order["totl"]': "typeddict-item",
    'order["total"] = 1.5': "typeddict-item",
    'incomplete: OrderLine = {"status": "open"}': "typeddict-item",
    'order["lines"].append({"price": 1})': "typeddict-item",
}


def test_mypy_accepts_the_generated_types(tmp_path: Path) -> None:
    inner = {"type": "object", "properties": {"a": TEXT}}
    write_files(tmp_path, {"schemas/order-line.json": json.dumps(ORDER), "schemas/a-b.json": schema(**{"c d": inner})})
    write_files(tmp_path, {"app/rules.py": USE + "\n".join(MISUSE) + "\n"})
    assert main(tmp_path) == 0
    options = ["--strict", "--config-file=", "--explicit-package-bases", "--no-error-summary"]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, "app"], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={"MYPYPATH": str(tmp_path)},
    )  # fmt: skip
    begun = USE.count("\n") + 1
    found = [line.partition(" error: ")[::2] for line in done.stdout.splitlines() if " error: " in line]
    assert [(int(place.split(":")[1]), text.rpartition("[")[2].rstrip("]")) for place, text in found] == [
        (begun + place, code) for place, code in enumerate(MISUSE.values())
    ], done.stdout
    assert subprocess.run(
        [sys.executable, "-c", "from app.entities import *; print(OrderLine, AB)"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    ).stdout.startswith(b"<class 'app.entities.OrderLine'>")


def test_the_file_is_written_beside_own_code_and_only_if_it_differs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / FILE
    write_files(tmp_path, {"schemas/a.json": schema(x=TEXT), "app/README.md": ""})
    assert main(tmp_path) == 0
    assert capsys.readouterr().err == "app/ has no code yet, so app/entities.py was not written.\n"
    assert not file.exists()
    write_files(tmp_path, {"app/rules.py": ""})
    assert main(tmp_path) == 0
    before = file.stat().st_ino
    assert main(tmp_path) == 0
    assert file.stat().st_ino == before
    write_files(tmp_path, {"schemas/a.json": schema(y=TEXT)})
    assert main(tmp_path) == 0
    assert "    y: NotRequired[str]\n" in file.read_text()
    write_files(tmp_path, {"schemas/a.json": "{"})
    assert main(tmp_path) == 1
    assert capsys.readouterr().err.startswith("schemas/a.json#")
    assert "    y: NotRequired[str]\n" in file.read_text()
