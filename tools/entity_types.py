"""Write app/entities.py: a TypedDict for each schema of a project, for type checkers and editors.

`make types` runs it. The file depends only on schemas/.
"""

from __future__ import annotations

import json
import keyword
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools import schemas
from tools.console import print_note
from tools.errors import UserError, user_errors
from tools.files import write
from tools.sources import sources
from trestle.strict_json import loads

ROOT = Path(__file__).resolve().parent.parent
FILE = "app/entities.py"
HEAD = '''\
"""The types of items, generated from schemas/ by `make types`: change the schemas instead."""

# Descriptions in the schemas can be long.
# ruff: noqa: E501
# fmt: off
from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from decimal import Decimal
    from typing import Any, Literal, NotRequired
'''
NUMBER = "int | Decimal"
SIMPLE = {"boolean": "bool", "integer": "int", "number": NUMBER, "string": "str"}
TAKEN = {"Any", "Decimal", "Literal", "NotRequired", "TYPE_CHECKING", "TypedDict"}


def module_of(project: Path) -> str:
    """Return the text of app/entities.py.

    Raise UserError for a schema outside the subset of docs/reference/schemas.md.
    """
    types = _Types()
    for file in sources(project / "schemas", "*.json"):
        content = file.read_bytes()
        for where, fault in schemas.faults(content):
            raise UserError(f"schemas/{file.name}#{where}: {fault}.")
        schema = loads(content.decode())
        if schema.get("type") == "object":  # schemas of routes may describe other values
            types.about = f"An item of schemas/{file.name}."
            types.add(schema, _class_name(file.stem), types.about)
    return "\n\n".join((HEAD, *types.classes))


class _Types:
    """The classes so far, nested ones first."""

    def __init__(self) -> None:
        self.about = ""  # of the current schema
        self.classes: list[str] = []
        self._names = set(TAKEN)

    def add(self, schema: dict[str, Any], name: str, about: str) -> str:
        """Add the class of an object's schema; return its name, with a number if the name is taken."""
        free = (name if number == 1 else f"{name}{number}" for number in range(1, sys.maxsize))
        name = next(each for each in free if each not in self._names)
        self._names.add(name)
        required = set(schema.get("required", ()))
        members = {
            prop: each if prop in required else f"NotRequired[{each}]"
            for prop, rule in schema.get("properties", {}).items()
            for each in [self._type(rule, f"{name}{_class_name(prop)}")]
        }
        if all(map(self._can_be_attribute, members)):
            lines = [f"    {prop}: {each}" for prop, each in members.items()]
            self.classes.append(
                "\n".join((f"class {name}(TypedDict):", f'    """{about}"""', "", *lines)).rstrip() + "\n"
            )
        else:
            lines = [f"    {json.dumps(prop)}: {json.dumps(each)}," for prop, each in members.items()]
            self.classes.append("\n".join((f"# {about}", f'{name} = TypedDict("{name}", {{', *lines, "})")) + "\n")
        return name

    def _can_be_attribute(self, prop: str) -> bool:
        """Return whether a class can have an attribute of this name, which must not hide the types it refers to."""
        is_name = prop.isidentifier() and not keyword.iskeyword(prop) and not prop.startswith("__")
        return is_name and prop not in self._names | {"bool", "dict", "int", "list", "str"}

    def _type(self, schema: dict[str, Any], name: str) -> str:
        """Return the type of a property's schema; `name` is for the class of an object with properties."""
        if "enum" in schema:
            return _union(map(_literal, schema["enum"]))
        kind = schema.get("type")
        if kind == "array":
            return f"list[{self._type(schema['items'], f'{name}Item')}]"
        if kind == "object" and schema.get("properties"):
            return self.add(schema, name, f"Inside {self.about[0].lower()}{self.about[1:]}")
        if kind == "object":
            others = schema.get("additionalProperties")
            return f"dict[str, {self._type(others, f'{name}Value') if isinstance(others, dict) else 'Any'}]"
        if kind:
            return SIMPLE[kind]
        parts = schema.get("anyOf") or schema.get("oneOf")
        return _union(self._type(part, f"{name}{place}") for place, part in enumerate(parts, 1)) if parts else "Any"


def _literal(value: Any) -> str:
    """Return the type of one value of an enumeration."""
    if value is None:
        return "None"
    if isinstance(value, bool | int):
        return f"Literal[{value}]"
    if isinstance(value, str):
        return f"Literal[{json.dumps(value)}]"
    types: dict[type, str] = {list: "list[Any]", dict: "dict[str, Any]"}
    return types.get(type(value), "Decimal")  # own code never gets a float


def _union(parts: Iterator[str]) -> str:
    """Return the union of types, without duplicates and with one Literal."""
    found = list(dict.fromkeys(parts))
    if "Any" in found:
        return "Any"
    literals = [each[8:-1] for each in found if each.startswith("Literal[")]
    others = [each for each in found if not each.startswith("Literal[")]
    return " | ".join(([f"Literal[{', '.join(literals)}]"] if literals else []) + others)


def _class_name(text: str) -> str:
    """Return a name such as OrderLine for order-line, order_line or orderLine."""
    words = re.findall(r"[A-Za-z0-9]+", text)
    name = "".join(word[0].upper() + word[1:] for word in words)
    return name if name[:1].isalpha() and not keyword.iskeyword(name) else f"X{name}"


@user_errors
def main(project: Path = ROOT) -> int:
    """Write the file if there is own code to use it; return the exit code."""
    file = project / FILE
    if not any(sources(project / "app", "**/*.py")):
        print_note(f"app/ has no code yet, so {FILE} was not written.")
        return 0
    text = module_of(project).encode()
    if not file.is_file() or file.read_bytes() != text:
        write(file, text, 0o644)
    return 0


if __name__ == "__main__":
    sys.exit(main())
