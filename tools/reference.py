"""Generate the root configuration, and the tables of the modules' READMEs and of docs/, from the code.

The root declares the variables of modules/service without their validations, which the module has, passes them on, and
has the module's outputs. READMEs of modules have tables of variables and outputs. docs/reference/ has the attributes of
each variable, the outputs, the commands and the limits. docs/how-to/existing-vpc.md has the services that functions
call. `python -m tools.reference` writes the files. With `--check`, it only fails if a file is out of date.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import hcl2
from hcl2.utils import SerializationOptions

from tools.commands import LAPTOP, TOOLS, Command, Option
from tools.terraform import ROOT
from tools.tfvars import Type, parse_type

SERVICE = ROOT / "modules" / "service"
OPTIONS = SerializationOptions(strip_string_quotes=True, preserve_heredocs=False)

# The arguments that the root sets itself: the project is its own folder.
ROOT_SETS = {"project": "path.root"}

# The outputs that only Trestle's tools read.
NOT_PASSED_ON = {"openapi_document", "tools"}

# The start of a line that describes one attribute or several.
ITEM = re.compile(r"[a-z_0-9]+(, [a-z_0-9]+)*: ")

BLOCK = re.compile(r'^(?P<kind>variable|output) "(?P<name>\w+)" {\n(?P<body>.*?)^}\n', re.MULTILINE | re.DOTALL)
VALIDATION = re.compile(r"\n(?:  #.*\n)*  validation {\n.*?^  }\n", re.MULTILINE | re.DOTALL)
WRITTEN = "# Written by `python -m tools.reference` from modules/service"


def blocks(kind: str, module: Path = SERVICE) -> dict[str, str]:
    """Return the bodies of a module's variables or outputs, by name."""
    texts = (file.read_text(encoding="utf-8") for file in sorted(module.glob("*.tf")))
    found = [match for text in texts for match in BLOCK.finditer(text) if match["kind"] == kind]
    return {match["name"]: match["body"] for match in sorted(found, key=lambda match: match["name"])}


def parse_blocks(kind: str, texts: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return the blocks of a kind as values, by name."""
    text = "\n".join(f'{kind} "{name}" {{\n{body}}}\n' for name, body in texts.items())
    found = hcl2.loads(text, serialization_options=OPTIONS)
    return {name: body for block in found.get(kind, ()) for name, body in block.items() if not name.startswith("__")}


def root_files() -> dict[str, str]:
    """Return the content of the root's generated files, by name."""
    variables = {name: VALIDATION.sub("", body) for name, body in blocks("variable").items() if name not in ROOT_SETS}
    outputs = {name: body for name, body in blocks("output").items() if name not in NOT_PASSED_ON}
    arguments = {name: f"var.{name}" for name in variables} | ROOT_SETS
    width = max(map(len, arguments))
    call = "".join(f"  {name:{width}} = {arguments[name]}\n" for name in sorted(arguments))
    passed_on = {
        name: re.sub(r"^  value +=.*", f"  value       = module.service.{name}\n", body, flags=re.MULTILINE | re.DOTALL)
        for name, body in outputs.items()
    }
    return {
        "main.tf": f'{WRITTEN}.\n\nmodule "service" {{\n  source = "./modules/service"\n\n{call}}}\n',
        "outputs.tf": f"{WRITTEN}.\n{_render_blocks('output', passed_on)}",
        "variables.tf": f"{WRITTEN}, which validates them.\n{_render_blocks('variable', variables)}",
    }


def _render_blocks(kind: str, texts: Mapping[str, str]) -> str:
    return "".join(f'\n{kind} "{name}" {{\n{body}}}\n' for name, body in texts.items())


def cell(text: str) -> str:
    """Return a text as a cell of a Markdown table."""
    lines: list[str] = []
    for line in text.strip().replace('\\"', '"').splitlines():
        if lines and not ITEM.match(line.strip()):
            lines[-1] += f" {line.strip()}"  # the line continues the description
        else:
            lines.append(line.strip())
    return "<br>".join(lines).replace("|", "\\|")


def hcl(value: object) -> str:
    """Return a default in the syntax of a tfvars file."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(hcl(item) for item in value)}]"
    if isinstance(value, dict):
        pairs = ", ".join(f"{k} = {hcl(v)}" for k, v in value.items() if not str(k).startswith("__"))
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, str):
        return value[2:-1] if value.startswith("${") else f'"{value}"'
    return str(value)


def service_variables() -> dict[str, dict[str, Any]]:
    """Return the variables that a tfvars file sets."""
    found = parse_blocks("variable", blocks("variable"))
    return {name: body for name, body in found.items() if name not in ROOT_SETS}


def service_outputs() -> dict[str, dict[str, Any]]:
    """Return the outputs of the root."""
    return {name: body for name, body in parse_blocks("output", blocks("output")).items() if name not in NOT_PASSED_ON}


def type_name(type_: Type) -> str:
    """Return a short form of a type, such as `map(object)`."""
    return f"{type_.kind}({type_name(type_.element)})" if type_.element else type_.kind


def rows_of(type_: Type, before: str = "") -> Iterator[tuple[str, Type]]:
    """Yield each attribute of a type with its path, such as `NAME.function.timeout`.

    `NAME` stands for the keys of a map, and `[]` for the elements of a list or set.
    """
    if type_.element:
        yield from rows_of(type_.element, f"{before}.NAME" if type_.kind == "map" else f"{before}[]")
    for name, attribute in sorted(type_.attributes.items()):
        path = f"{before}.{name}".lstrip(".")
        yield path, attribute
        yield from rows_of(attribute, path)


def description_texts(description: str) -> tuple[str, dict[str, str]]:
    """Return the general text of a description, and the texts of its attributes by name."""
    lines: list[str] = []
    for line in description.strip().replace('\\"', '"').splitlines():
        if lines and not ITEM.match(line.strip()):
            lines[-1] += f" {line.strip()}"
        else:
            lines.append(line.strip())
    whole = [line for line in lines if not ITEM.match(line)]
    attributes: dict[str, str] = {}
    for line in lines:
        if ITEM.match(line):
            names, _, text = line.partition(": ")
            attributes |= dict.fromkeys(names.split(", "), text[0].upper() + text[1:])
    return " ".join(whole), attributes


def attribute_text(variable: str, path: str, said: Mapping[str, str], texts: Mapping[str, str]) -> str:
    """Return the text of an attribute. Raise ValueError if there is none.

    `said` has the texts of the variable's description. `texts` is attributes.json, which has the other attributes by
    path, or by name if they have the same meaning everywhere.
    """
    name = path.rpartition(".")[2]
    found = texts.get(f"{variable}.{path}") or said.get(name) or texts.get(name)
    if not found:
        raise ValueError(f"There is no text for {variable}.{path}: add it to docs/reference/attributes.json.")
    return found


def variables_page() -> str:
    """Return the reference of variables: a section for each variable, with a row for each attribute."""
    texts = json.loads((ROOT / "docs" / "reference" / "attributes.json").read_text(encoding="utf-8"))
    parts: list[str] = []
    for name, variable in service_variables().items():
        whole, said = description_texts(variable["description"])
        type_ = parse_type(variable["type"])
        default = f"`{hcl(variable['default'])}`" if "default" in variable else "none: it is required"
        parts.append(f"## {name}\n\n{whole}\n\n- Type: `{type_name(type_)}`\n- Default: {default}\n")
        rows = list(rows_of(type_))
        if nowhere := [each for each in said if rows and not any(path.endswith(each) for path, _ in rows)]:
            raise ValueError(f"variable {name}: the description has the attribute {nowhere[0]}, but the type does not")
        if rows:
            lines = ["| attribute | type | default | what it sets |", "|---|---|---|---|"]
            for path, attribute in rows:
                value = "required" if attribute.is_required else f"`{hcl(attribute.default)}`"
                text = attribute_text(name, path, said, texts).replace("|", "\\|")
                lines.append(f"| `{path}` | `{type_name(attribute)}` | {value} | {text} |")
            parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def commands_page() -> str:
    """Return the reference of commands."""
    groups = [("local.py", LAPTOP), ("python -m tools", TOOLS)]
    return "\n".join(_commands_of(program, commands) for program, commands in groups)


def _commands_of(program: str, commands: Sequence[Command]) -> str:
    parts = [f"## {program}\n"]
    for command in commands:
        parts.append(f"### {program} {command.name}\n\n{command.summary[0].upper()}{command.summary[1:]}.\n")
        if command.options:
            lines = ["| option | what it does |", "|---|---|", *map(_option_row, command.options)]
            parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def _option_row(option: Option) -> str:
    settings: dict[str, Any] = {**option.settings}
    metavar = f" {settings['metavar']}" if "metavar" in settings and option.flags[0].startswith("-") else ""
    text = str(settings.get("help", "")).replace("%(default)s", str(settings.get("default")))
    text = text.replace("%(default)g", f"{settings.get('default', 0)}").replace("|", "\\|")
    return f"| `{', '.join(option.flags)}{metavar}` | {text} |"


def targets_page() -> str:
    """Return a table of the Makefile's targets, in their groups."""
    parts: list[str] = []
    for line in (ROOT / "Makefile").read_text(encoding="utf-8").splitlines():
        if line.startswith("##@ "):
            parts.append(f"\n### {line[4:]}\n\n| target | what it does |\n|---|---|")
        elif found := re.match(r"([a-z]+):.*## (.*)", line):
            parts.append(f"| `make {found[1]}` | {found[2]} |")
    return "\n".join(parts).strip() + "\n"


# The names of the limits in limits.json, in words.
LIMITS = {
    "body": "a body, and an item as stored in DynamoDB",
    "depth": "nesting of a body",
    "digits": "a number",
    "entity_tags": "`If-Match` and `If-None-Match`",
    "faults": "`errors` of a problem",
    "id": "an id",
    "idempotency_key": "`Idempotency-Key`",
    "key": "a text that a filter matches or sorts by",
    "page": "`limit` of a list",
    "patch": "a merge patch that needs no read",
}


def limits_table() -> str:
    """Return a Markdown table of the limits of requests."""
    limits: dict[str, dict[str, Any]] = json.loads((ROOT / "contract" / "limits.json").read_text())
    lines = ["| limit | at most | unit |", "|---|---|---|"]
    lines += [
        f"| {LIMITS[name]} | {limit['max']:,} | {limit['unit']} |" for name, limit in limits.items() if "max" in limit
    ]
    return "\n".join(lines)


def module_tables(module: Path) -> dict[str, str]:
    """Return the table of each marked part of a module's README."""
    outputs = parse_blocks("output", blocks("output", module))
    return {
        "inputs": inputs_table(parse_blocks("variable", blocks("variable", module))),
        "outputs": outputs_table(outputs) if outputs else "None.",
    }


def inputs_table(variables: Mapping[str, dict[str, Any]]) -> str:
    """Return a Markdown table of variables."""
    lines = ["| variable | default | what it sets |", "|---|---|---|"]
    for name, body in variables.items():
        default = f"`{hcl(body['default'])}`" if "default" in body else "required"
        lines.append(f"| `{name}` | {default} | {cell(body['description'])} |")
    return "\n".join(lines)


def outputs_table(outputs: Mapping[str, dict[str, Any]]) -> str:
    """Return a Markdown table of outputs."""
    lines = ["| output | what it holds |", "|---|---|"]
    lines += [f"| `{name}` | {cell(body['description'])} |" for name, body in outputs.items()]
    return "\n".join(lines)


# How functions in an existing VPC can reach a service, by the kind of its endpoint.
CONNECTIONS = {
    "Gateway": "a gateway endpoint in the route tables of the subnets, which is free, or a route to the internet",
    "Interface": "an interface endpoint with private DNS, or `egress = true` and a route to the internet",
}


def needs_table() -> str:
    """Return a Markdown table of the services that functions in a VPC call."""
    services: dict[str, dict[str, str]] = json.loads((ROOT / "contract" / "network.json").read_text())["services"]
    lines = ["| service | endpoint | called by | connection |", "|---|---|---|---|"]
    lines += [
        f"| {each['name']} | `com.amazonaws.REGION.{service}` | {each['for']} | {CONNECTIONS[each['endpoint']]} |"
        for service, each in services.items()
    ]
    return "\n".join(lines)


def fill_tables(readme: Path, parts: Mapping[str, str]) -> str:
    """Return the text of a file with its tables updated. Raise ValueError if it lacks a marker."""
    text = readme.read_text(encoding="utf-8")
    for part, table in parts.items():
        start, end = f"<!-- {part} -->", f"<!-- /{part} -->"
        before, found, rest = text.partition(start)
        _, closed, after = rest.partition(end)
        if not (found and closed):
            raise ValueError(f"{readme} lacks the markers {start} and {end}")
        text = f"{before}{start}\n{table}\n{end}{after}"
    return text


def main(arguments: list[str]) -> int:
    """Write the files, or check them with --check. Return 1 if one is out of date."""
    wanted = {ROOT / name: text for name, text in root_files().items()}
    reference = ROOT / "docs" / "reference"
    generated = {
        "variables": {"variables": variables_page()},
        "outputs": {"outputs": outputs_table(service_outputs())},
        "commands": {"targets": targets_page(), "commands": commands_page()},
        "limits": {"limits": limits_table()},
    }
    for name, parts in generated.items():
        wanted[reference / f"{name}.md"] = fill_tables(reference / f"{name}.md", parts)
    guide = ROOT / "docs" / "how-to" / "existing-vpc.md"
    wanted[guide] = fill_tables(guide, {"needs": needs_table()})
    for module in sorted((ROOT / "modules").iterdir()):
        wanted[module / "README.md"] = fill_tables(module / "README.md", module_tables(module))
    stale = [file for file, text in wanted.items() if not file.exists() or file.read_text(encoding="utf-8") != text]
    if "--check" not in arguments:
        for file in stale:
            file.write_text(wanted[file], encoding="utf-8")
    elif stale:
        names = ", ".join(str(file.relative_to(ROOT)) for file in stale)
        print(f"Out of date: {names}. Run `python -m tools.reference`.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
