"""Check var-files before Terraform reads them.

Terraform silently ignores unknown attributes of an object, and uses the last of two equal keys.
With a misspelt `operations`, an API would have all operations. Every command with a var-file calls
`check` first.
"""

from __future__ import annotations

import difflib
import functools
import json
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import hcl2
from hcl2.utils import SerializationOptions
from lark.exceptions import LarkError

from tools.errors import UserError
from tools.files import encoding_fault
from tools.hcl_keys import Key, NotReadableError, find_keys
from tools.terraform import ROOT

OPTIONS = SerializationOptions(strip_string_quotes=True, preserve_heredocs=False, with_comments=False)

# Suffixes of files that Terraform loads automatically, besides terraform.tfvars. Editors' copies do
# not count.
AUTOMATIC = (".auto.tfvars", ".auto.tfvars.json")

# Examples for the required variables.
EXAMPLES = {"entities": "{ todos = {} }", "environment": '"dev"', "name": '"shop"'}


@dataclass(frozen=True)
class Type:
    """A type constraint: its kind, such as "map", and an object's attributes or a collection's element type."""

    kind: str = "string"
    attributes: Mapping[str, Type] = field(default_factory=dict)
    element: Type | None = None
    default: Any = None  # of an attribute
    is_required: bool = True  # in its object or file

    @property
    def has_names(self) -> bool:
        """Return whether the type contains an object, whose attributes have fixed names."""
        return self.kind == "object" or bool(self.element and self.element.has_names)

    def holders(self, name: str) -> Iterator[str]:
        """Yield the places inside this type with an attribute of that name, such as "entities.NAME.function"."""
        inside = {"NAME": self.element} if self.element else self.attributes
        for holder, inner in inside.items():
            if name in inner.attributes:
                yield holder
            yield from (f"{holder}.{place}" for place in inner.holders(name))

    def accepts(self, value: Any) -> bool:
        """Return whether Terraform accepts a value as this type, apart from nested values. The value is not null."""
        if self.kind == "any":
            return True
        if self.kind in ("map", "object"):
            return isinstance(value, dict)
        if self.kind in ("list", "set", "tuple"):
            return isinstance(value, list)
        if self.kind == "bool":
            return isinstance(value, bool) or value in ("true", "false")
        if self.kind == "number":
            return isinstance(value, int | float | str) and not isinstance(value, bool) and is_number(value)
        return not isinstance(value, dict | list)

    def example(self) -> str:
        """Return an example of a value."""
        if self.kind == "object":
            required = ", ".join(f"{n} = {t.example()}" for n, t in self.attributes.items() if t.is_required)
            return f"{{ {required} }}" if required else "{}"
        if self.element:
            inner = self.element.example()
            return f"{{ NAME = {inner} }}" if self.kind == "map" else f"[{inner}]"
        if self.kind == "bool":
            return "true"
        if self.kind == "number":
            return json.dumps(self.default or 1)
        return json.dumps(self.default or "...")


def check(var_files: Sequence[Path], environ: Mapping[str, str] | None = None) -> None:
    """Raise UserError if the var-files have faults, with a line for each.

    A variable also counts as set if `environ` contains TF_VAR_name. Terraform itself reports broken
    HCL, with the place.
    """
    variables = variable_types(ROOT / "variables.tf")
    found: list[str] = []
    written = {name.removeprefix("TF_VAR_") for name in environ or () if name.startswith("TF_VAR_")}
    for file in var_files:
        try:
            text = text_of(file)
            keys = keys_of(file, text)
        except UserError as error:
            found.append(str(error))
            continue
        except NotReadableError:
            written.update(variables.attributes)
            continue
        names = {key.name for key in keys if key.name}
        written |= names
        values = {name: value for name, value in (parse(file, text) or {}).items() if name in names}
        found += name_faults(file, keys, variables)
        found += [f"{display_name(file)}: {fault}" for fault in type_faults(values, variables)]
    if not found:
        files = " and ".join(display_name(file) for file in var_files)
        required = (name for name, kind in variables.attributes.items() if kind.is_required)
        found = [
            f"{files}: {name} is missing; write {name} = {EXAMPLES[name]}." for name in required if name not in written
        ]
    if found:
        raise UserError("\n".join(found))


def check_names(var_files: Sequence[Path], variables: Type) -> None:
    """Raise UserError if var-files set a name twice or an unknown name, with a line for each fault.

    For variables of the user's own root, whose other faults Terraform reports.
    """
    found: list[str] = []
    for file in var_files:
        try:
            found += name_faults(file, keys_of(file, text_of(file)), variables)
        except NotReadableError:
            continue
        except UserError as error:
            found.append(str(error))
    if found:
        raise UserError("\n".join(found))


def is_json(file: Path) -> bool:
    """Return whether Terraform reads a var-file as JSON, not HCL: only if its name ends in .json, in lower case."""
    return file.name.endswith(".json")


def keys_of(file: Path, text: str) -> list[Key]:
    """Return the names that a var-file sets.

    Raise UserError if it is in the wrong notation, NotReadableError if the HCL is broken.
    """
    if is_json(file) and (broken := json_fault(text)):
        raise UserError(f"{display_name(file)}: {broken}")
    if not is_json(file) and text.lstrip().startswith("{") and not json_fault(text):
        raise UserError(
            f"{display_name(file)} holds JSON, but Terraform reads JSON only from files whose name ends in .json, in "
            "lower case: rename it."
        )
    return find_keys(text, is_json(file))


def name_faults(file: Path, keys: Sequence[Key], variables: Type) -> Iterator[str]:
    """Yield a sentence for each name in a var-file that is set twice or unknown."""
    for fault in (*duplicate_key_faults(keys), *unknown_name_faults(keys, variables)):
        yield f"{display_name(file)}: {fault}"


def all_var_files(var_files: Sequence[Path], root: Path | None = None) -> list[Path]:
    """Return the files that Terraform loads automatically from a root, in Terraform's order, then the var-files."""
    root = root or ROOT
    automatic = (file for file in root.glob("*.auto.tfvars*") if file.name.endswith(AUTOMATIC))
    by_itself = (root / "terraform.tfvars", root / "terraform.tfvars.json", *sorted(automatic))
    return [*(file for file in by_itself if file.is_file()), *var_files]


def values_of(var_file: Path) -> dict[str, Any]:
    """Return the literal values of the variables that Terraform gets with a var-file, and the region.

    A later file overrides an earlier one, and each file overrides TF_VAR_name, which is always a
    string here.
    """
    values: dict[str, Any] = {
        name.removeprefix("TF_VAR_"): text for name, text in os.environ.items() if name.startswith("TF_VAR_")
    }
    for file in all_var_files([var_file]):
        values |= read(file) or {}
    return values | {"region": values.get("region") or default("region")}


def region_of(var_file: Path) -> str:
    """Return the region that Terraform gets with a var-file."""
    return str(values_of(var_file)["region"])


def text_of(file: Path) -> str:
    """Return the text of a var-file. Raise UserError if Terraform cannot read the file."""
    where = display_name(file)
    try:
        mode = file.stat().st_mode
        if stat.S_ISDIR(mode):
            raise UserError(f"{where} is a folder: name a file in it, such as {where}/dev.tfvars.")
        if not stat.S_ISREG(mode):
            raise UserError(f"{where} is not a regular file: save the variables to a file and name that.")
        data = file.read_bytes()
    except FileNotFoundError:
        raise UserError(f"There is no var-file {where}: name an existing file with --var-file.") from None
    except OSError as error:
        said = error.strerror or "unknown error"
        raise UserError(f"{where} cannot be read ({said}): make it readable, or name another file.") from None
    if fault := encoding_fault(data):
        raise UserError(f"{where} {fault}.")
    text = data.decode()
    if text.startswith("\ufeff") and is_json(file):
        raise UserError(f"{where} begins with a byte order mark, which is not JSON: save it as UTF-8 without one.")
    return text.removeprefix("\ufeff")


def json_fault(text: str) -> str | None:
    """Return why the text of a var-file is not a JSON object, or None if it is one."""

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not JSON; write a number, or null.")

    try:
        value = json.loads(text, parse_constant=refuse)
    except json.JSONDecodeError as error:
        if not text[error.pos :].strip() or error.msg.startswith("Unterminated"):
            return f"line {error.lineno}: the JSON ends early; close its quotation marks, braces and brackets."
        place = f"line {error.lineno}, column {error.colno}"
        if text[error.pos] in "/#":
            return f"{place}: JSON has no comments; remove it."
        return f"{place}: this is not JSON; look for a missing or surplus comma or quotation mark."
    except RecursionError:
        return "its objects and lists are nested too deeply; write fewer levels."
    except ValueError as error:
        return str(error)
    return None if isinstance(value, dict) else f"it is {describe(value)}; write an object, such as {{}}."


def read(file: Path) -> dict[str, Any] | None:
    """Return the variables that a file sets, in HCL or, by its suffix, in JSON; None if it cannot be parsed.

    The parser supports less than Terraform, so an unparsable file may be valid. Raise UserError if
    Terraform cannot read the file.
    """
    return parse(file, text_of(file))


def parse(file: Path, text: str) -> dict[str, Any] | None:
    """Return the variables in the text of a file, or None if it cannot be parsed."""
    try:
        found = json.loads(text) if is_json(file) else hcl2.loads(text, serialization_options=OPTIONS)
    except (LarkError, RecursionError, ValueError):
        return None
    return unquote(found) if isinstance(found, dict) else None


def unquote(value: Any) -> Any:
    """Return a value without the quotes that the parser leaves around keys of objects."""
    if isinstance(value, dict):
        return {name.removeprefix('"').removesuffix('"'): unquote(inner) for name, inner in value.items()}
    return [unquote(inner) for inner in value] if isinstance(value, list) else value


def default(variable: str) -> Any:
    """Return the default of a variable."""
    blocks = hcl2.loads((ROOT / "variables.tf").read_text(encoding="utf-8"), serialization_options=OPTIONS)
    bodies = dict(each for block in blocks["variable"] for each in labelled_bodies(block))
    return bodies[variable]["default"]


@functools.cache
def variable_types(file: Path) -> Type:
    """Return the variables of a Terraform file, as the attributes of one object."""
    blocks = hcl2.loads(file.read_text(encoding="utf-8"), serialization_options=OPTIONS)["variable"]
    return object_of(each for block in blocks for each in labelled_bodies(block))


def object_of(variables: Iterable[tuple[str, Mapping[str, Any]]]) -> Type:
    """Return the variables of blocks, given as names and bodies, as the attributes of one object."""
    types = {
        name: replace(parse_type(body.get("type", "any")), is_required="default" not in body)
        for name, body in variables
    }
    return Type("object", types)


def labelled_bodies(block: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return a block's label and body, without the parser's metadata."""
    return [(name, body) for name, body in block.items() if not name.startswith("__")]


def parse_type(expression: str) -> Type:
    """Return the type of an expression such as "map(object({ size = optional(number, 1) }))"."""
    kind, _, inside = expression.removeprefix("${").removesuffix("}").partition("(")
    if not inside or kind == "tuple":
        return Type(kind)
    # The parser returns calls as text. Their arguments in brackets parse as a list.
    arguments = hcl2.loads(f"x = [{inside.removesuffix(')')}]\n", serialization_options=OPTIONS)["x"]
    if kind == "object":
        return Type(kind, {name.strip('"'): parse_type(text) for name, text in arguments[0].items()})
    inner = parse_type(arguments[0])
    if kind == "optional":
        return replace(inner, default=arguments[1] if len(arguments) > 1 else None, is_required=False)
    return Type(kind, element=replace(inner, is_required=False))


def duplicate_key_faults(keys: Sequence[Key], where: str = "") -> Iterator[str]:
    """Yield a sentence for each key that an object has twice, or whose name is an expression."""
    first: dict[str, int] = {}
    for key in keys:
        if key.name is None:
            place = f"in {where}, " if where else ""
            yield f"{place}line {key.line}: a name is an expression; write it as plain text."
            continue
        place = f"{where}.{key.name}" if where else key.name
        if key.name in first:
            lines = (first[key.name], key.line)
            both = f"both in line {key.line}" if len({*lines}) == 1 else "in lines {} and {}".format(*lines)
            yield f"{place} is set twice, {both}; remove one of them: Terraform would use the last."
        first.setdefault(key.name, key.line)
        yield from duplicate_key_faults(key.keys, place)


def unknown_name_faults(keys: Sequence[Key], kind: Type, where: str = "") -> Iterator[str]:
    """Yield a sentence for each name that the type does not have."""
    for key in keys:
        if key.name is None:
            continue
        place = f"{where}.{key.name}" if where else key.name
        inner = kind.element or kind.attributes.get(key.name)
        if inner is None:
            if kind.kind == "object":
                thing = "attribute" if where else "variable"
                yield f"{place}: no such {thing}; {remedy(key.name, kind)}"
        elif key.is_computed and inner.has_names:
            expected = "write it out, without a for or parentheses"
            yield f"{place}: its value is an expression; {expected}."
        else:
            yield from unknown_name_faults(key.keys, inner, place)


def type_faults(value: Any, kind: Type, where: str = "") -> Iterator[str]:
    """Yield a sentence for each value of a wrong type, and for each null in place of a required value."""
    if isinstance(value, str) and value.startswith("${"):
        return  # an expression
    if value is None:
        yield f"{where} is null; {correction(kind, where)}{'' if kind.is_required else ', or remove it'}."
    elif not kind.accepts(value):
        yield f"{where} is {describe(value)}; {correction(kind, where, value)}."
    elif isinstance(value, dict):
        # The variables may be spread over several files, which are checked together.
        for name in (name for name, inner in kind.attributes.items() if where and inner.is_required):
            if name not in value:
                yield f"{where}.{name} is missing; {correction(kind.attributes[name], f'{where}.{name}')}."
        for name, inner in value.items():
            of_name = kind.element or kind.attributes.get(name)
            # A null attribute counts as omitted, and a null variable has its default.
            if of_name and (inner is not None or kind.element or of_name.is_required):
                yield from type_faults(inner, of_name, f"{where}.{name}" if where else name)
    elif isinstance(value, list) and kind.element:
        for n, inner in enumerate(value):
            yield from type_faults(inner, kind.element, f"{where}[{n}]")


def describe(value: Any) -> str:
    """Return a value as text for a message."""
    if isinstance(value, dict):
        return "an object"
    return "a list" if isinstance(value, list) else json.dumps(value, ensure_ascii=False)


def correction(kind: Type, where: str, value: Any = None) -> str:
    """Return the remedy at a place of this type; `value` may be a string written there."""
    name = where.rpartition(".")[2]
    if kind.kind == "bool":
        return "write true or false"
    if kind.kind == "number":
        return f"write a number, such as {kind.example()}"
    example = EXAMPLES.get(where) or kind.example()
    if isinstance(value, str) and kind.element and kind.element.kind == "string":
        meant = "default" if name == "access" else "NAME"
        example = f"{{ {meant} = {describe(value)} }}" if kind.kind == "map" else f"[{describe(value)}]"
    return f"write {example}" if name.endswith("]") else f"write {name} = {example}"


def is_number(value: float | str) -> bool:
    """Return whether a value is a number or a string with one."""
    try:
        float(value)
    except ValueError:
        return False
    return True


def remedy(name: str, kind: Type) -> str:
    """Return the remedy for an attribute that an object type does not have."""
    if holder := next(kind.holders(name), None):
        return f"write it in {holder}."
    if near := difflib.get_close_matches(name, kind.attributes, 1):
        return f"did you mean {near[0]}?"
    return f"write one of {', '.join(kind.attributes)}." if kind.attributes else "remove it."


def display_name(file: Path) -> str:
    """Return a file's path relative to the repository, if it is inside."""
    path = Path(os.path.normpath(file.absolute()))
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)
