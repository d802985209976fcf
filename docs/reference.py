"""Write what modules say of themselves into the root configuration and the READMEs.

The root declares the variables of modules/service without their validations, which the module makes, passes them on,
and has its outputs. READMEs have tables of variables and outputs, and docs/how-to/existing-vpc.md one of what functions
call. `--check` writes nothing, and fails if a file is
out of date.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import hcl2
from hcl2.utils import SerializationOptions

ROOT = Path(__file__).resolve().parent.parent
SERVICE = ROOT / "modules" / "service"
OPTIONS = SerializationOptions(strip_string_quotes=True, preserve_heredocs=False)

# What the root does not take from its user: its own folder is the project.
ROOT_SETS = {"project": "path.root"}

# What only Trestle's tools read.
NOT_PASSED_ON = {"openapi_document", "tools"}

# How a line of a description begins that is about one attribute, or about several.
ITEM = re.compile(r"[a-z_0-9]+(, [a-z_0-9]+)*: ")

BLOCK = re.compile(r'^(?P<kind>variable|output) "(?P<name>\w+)" {\n(?P<body>.*?)^}\n', re.MULTILINE | re.DOTALL)
VALIDATION = re.compile(r"\n(?:  #.*\n)*  validation {\n.*?^  }\n", re.MULTILINE | re.DOTALL)
WRITTEN = "# Written by `python docs/reference.py` from modules/service"


def blocks(kind: str, module: Path = SERVICE) -> dict[str, str]:
    """Return the bodies of a module's variables or outputs, by name."""
    texts = (file.read_text(encoding="utf-8") for file in sorted(module.glob("*.tf")))
    found = [match for text in texts for match in BLOCK.finditer(text) if match["kind"] == kind]
    return {match["name"]: match["body"] for match in sorted(found, key=lambda match: match["name"])}


def parse_blocks(kind: str, texts: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return the same as values."""
    text = "\n".join(f'{kind} "{name}" {{\n{body}}}\n' for name, body in texts.items())
    found = hcl2.loads(text, serialization_options=OPTIONS)
    return {name: body for block in found.get(kind, ()) for name, body in block.items() if not name.startswith("__")}


def root_files() -> dict[str, str]:
    """Return the content of the root's files that follow from the module, by name."""
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
    """Return a text as one cell of a Markdown table."""
    lines: list[str] = []
    for line in text.strip().replace('\\"', '"').splitlines():
        if lines and not ITEM.match(line.strip()):
            lines[-1] += f" {line.strip()}"  # the description goes on
        else:
            lines.append(line.strip())
    return "<br>".join(lines).replace("|", "\\|")


def hcl(value: object) -> str:
    """Return a default as one would write it in a tfvars file."""
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


def tables() -> dict[str, str]:
    """Return the table for each marked part of the repository's README."""
    variables = {
        name: body for name, body in parse_blocks("variable", blocks("variable")).items() if name not in ROOT_SETS
    }
    outputs = {
        name: body for name, body in parse_blocks("output", blocks("output")).items() if name not in NOT_PASSED_ON
    }
    return {"variables": inputs_table(variables), "outputs": outputs_table(outputs)}


def module_tables(module: Path) -> dict[str, str]:
    """Return the table for each marked part of a module's README."""
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


# How functions in an existing VPC reach a service, by the kind of its endpoint.
WAYS = {
    "Gateway": "a gateway endpoint in the route tables of the subnets, which is free, or a route out such as NAT",
    "Interface": "an interface endpoint with private DNS; or `egress = true` and a route out",
}


def needs_table() -> str:
    """Return a Markdown table of what functions call in a VPC."""
    services: dict[str, dict[str, str]] = json.loads((ROOT / "contract" / "network.json").read_text())["services"]
    lines = ["| service | endpoint | called by | way |", "|---|---|---|---|"]
    lines += [
        f"| {each['name']} | `com.amazonaws.REGION.{service}` | {each['for']} | {WAYS[each['endpoint']]} |"
        for service, each in services.items()
    ]
    return "\n".join(lines)


def fill_tables(readme: Path, parts: Mapping[str, str]) -> str:
    """Return a README with its tables as the code has them now. Raise ValueError if it lacks a marker."""
    text = readme.read_text(encoding="utf-8")
    for part, table in parts.items():
        start, end = f"<!-- {part} -->", f"<!-- /{part} -->"
        before, found, rest = text.partition(start)
        _, closed, after = rest.partition(end)
        if not (found and closed):
            raise ValueError(f"{readme} lacks the pair of markers {start} and {end}")
        text = f"{before}{start}\n{table}\n{end}{after}"
    return text


def main(arguments: list[str]) -> int:
    """Write the files, or check them; return 1 if --check finds one out of date."""
    wanted = {ROOT / name: text for name, text in root_files().items()}
    wanted[ROOT / "README.md"] = fill_tables(ROOT / "README.md", tables())
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
        print(f"Out of date: {names}. Run `python docs/reference.py`.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
