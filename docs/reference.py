"""Write README's tables of variables and outputs; --check only says whether they are true."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import hcl2
from hcl2.utils import SerializationOptions

ROOT = Path(__file__).resolve().parent.parent
OPTIONS = SerializationOptions(strip_string_quotes=True, preserve_heredocs=False)


def blocks(file: str, kind: str) -> dict[str, dict[str, Any]]:
    """The blocks of one kind in one file, by label, in the file's order."""
    with (ROOT / file).open(encoding="utf-8") as source:
        parsed = hcl2.load(source, serialization_options=OPTIONS)
    return {name: body for block in parsed[kind] for name, body in block.items() if not name.startswith("__")}


def cell(text: str) -> str:
    """Text as one cell of a Markdown table."""
    lines = [" ".join(line.split()) for line in text.strip().replace('\\"', '"').splitlines()]
    return "<br>".join(lines).replace("|", "\\|")


def hcl(value: object) -> str:
    """A default as one would write it in a tfvars file."""
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
    """Each marked part of the README with the table that belongs in it."""
    variables = ["| variable | default | what it sets |", "|---|---|---|"]
    for name, body in blocks("variables.tf", "variable").items():
        default = f"`{hcl(body['default'])}`" if "default" in body else "required"
        variables.append(f"| `{name}` | {default} | {cell(body['description'])} |")
    outputs = ["| output | what it holds |", "|---|---|"]
    for name, body in blocks("outputs.tf", "output").items():
        outputs.append(f"| `{name}` | {cell(body['description'])} |")
    return {"variables": "\n".join(variables), "outputs": "\n".join(outputs)}


def filled(text: str) -> str:
    """The README with its tables as the code has them now. A missing marker is a ValueError."""
    for part, table in tables().items():
        start, end = f"<!-- {part} -->", f"<!-- /{part} -->"
        before, found, rest = text.partition(start)
        _, closed, after = rest.partition(end)
        if not (found and closed):
            raise ValueError(f"README.md lacks the pair of markers {start} and {end}")
        text = f"{before}{start}\n{table}\n{end}{after}"
    return text


def main(arguments: list[str]) -> int:
    """Write or check; 1 when --check finds the README out of date."""
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    wanted = filled(text)
    if "--check" in arguments and wanted != text:
        message = "README.md's tables differ from the Terraform's: run `python docs/reference.py`."
        print(message, file=sys.stderr)
        return 1
    if wanted != text:
        readme.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
