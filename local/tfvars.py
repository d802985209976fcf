"""Refuse var-files that set what variables.tf does not declare.

Terraform drops an unknown attribute of an object in silence, so a misspelt `operations` would give an API
with all of them. `python -m local.tfvars FILE ...` checks files before a plan.
"""

from __future__ import annotations

import difflib
import functools
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hcl2
from hcl2.utils import SerializationOptions
from lark.exceptions import LarkError

from local.errors import UserError
from local.terraform import ROOT

OPTIONS = SerializationOptions(strip_string_quotes=True, preserve_heredocs=False, with_comments=False)


@dataclass(frozen=True)
class Type:
    """A type constraint as far as names go: an object's attributes, or what a map, list or set holds."""

    attributes: Mapping[str, Type] | None = None
    element: Type | None = None

    def holders(self, name: str) -> Iterator[str]:
        """Where inside this type an attribute of that name belongs, such as "entities.NAME.function"."""
        inside = {"NAME": self.element} if self.element else self.attributes or {}
        for holder, inner in inside.items():
            if inner.attributes and name in inner.attributes:
                yield holder
            yield from (f"{holder}.{place}" for place in inner.holders(name))


def check(var_files: Sequence[Path]) -> None:
    """Stop when a var-file sets an undeclared variable or attribute; each is a line of the error.

    What is no HCL at all is left to Terraform, whose message for it is good.
    """
    variables = declared(ROOT / "variables.tf")
    found = []
    for file in var_files:
        values = read(file)
        if values is None:
            print(f"{named(file)}: not read here, so misspelt names in it are not found.", file=sys.stderr)
        found += [f"{named(file)}: {fault}" for fault in faults(values or {}, variables)]
    if found:
        raise UserError("\n".join(found))


def read(file: Path) -> dict[str, Any] | None:
    """The variables that a file sets, in HCL or, by its suffix, in JSON; None if it cannot be read.

    The parser knows less than Terraform: what it cannot read may be right.
    """
    text = file.read_text(encoding="utf-8-sig")
    try:
        found = (
            json.loads(text) if file.suffix == ".json" else hcl2.loads(text, serialization_options=OPTIONS)
        )
    except (LarkError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def default(variable: str) -> Any:
    """What a variable is where a var-file does not set it."""
    blocks = hcl2.loads((ROOT / "variables.tf").read_text(encoding="utf-8"), serialization_options=OPTIONS)
    bodies = dict(each for block in blocks["variable"] for each in labelled(block))
    return bodies[variable]["default"]


@functools.cache
def declared(file: Path) -> Type:
    """The variables of a Terraform file, as the attributes of one object."""
    blocks = hcl2.loads(file.read_text(encoding="utf-8"), serialization_options=OPTIONS)["variable"]
    return Type({name: constraint(body["type"]) for block in blocks for name, body in labelled(block)})


def labelled(block: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """A block's label and body, without the parser's own notes."""
    return [(name, body) for name, body in block.items() if not name.startswith("__")]


def constraint(expression: str) -> Type:
    """The type that an expression such as "map(object({ size = optional(number, 1) }))" stands for."""
    kind, _, inside = expression.removeprefix("${").removesuffix("}").partition("(")
    if not inside:
        return Type()
    # The parser hands over calls as text: what is between the parentheses is a list when put in brackets.
    arguments = hcl2.loads(f"x = [{inside.removesuffix(')')}]\n", serialization_options=OPTIONS)["x"]
    if kind == "object":
        return Type({name: constraint(text) for name, text in arguments[0].items()})
    inner = constraint(arguments[0])
    return inner if kind == "optional" else Type(element=inner)


def faults(value: Any, kind: Type, where: str = "") -> Iterator[str]:
    """A sentence for everything in the value that the type does not have."""
    nested = kind.attributes is not None or (kind.element and kind.element != Type())
    if nested and isinstance(value, str) and value.startswith("${"):
        yield f"{where}: its names are hidden in an expression; write it out, without a for or parentheses."
    if kind.element:
        pairs = (
            value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ())
        )
        for name, inner in pairs:
            yield from faults(inner, kind.element, f"{where}.{name}")
    elif kind.attributes is not None and isinstance(value, dict):
        for name, inner in value.items():
            place = f"{where}.{name}" if where else name
            if name in kind.attributes:
                yield from faults(inner, kind.attributes[name], place)
            else:
                thing = "attribute" if where else "variable"
                yield f"{place}: no such {thing}; {remedy(name, kind)}"


def remedy(name: str, kind: Type) -> str:
    """What to write instead of an attribute that an object type does not have."""
    assert kind.attributes is not None
    if holder := next(kind.holders(name), None):
        return f"write it in {holder}."
    if near := difflib.get_close_matches(name, kind.attributes, 1):
        return f"did you mean {near[0]}?"
    return f"write one of {', '.join(kind.attributes)}."


def named(file: Path) -> str:
    """A file as one would name it from the repository."""
    path = file.resolve()
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


if __name__ == "__main__":
    try:
        check([Path(name) for name in sys.argv[1:]])
    except UserError as error:
        sys.exit(str(error))
