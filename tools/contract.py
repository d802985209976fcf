"""Read contract/, which defines the operations, problems, limits and items of every API (see contract/README.md).

`python -m tools.contract` generates index.py and hooked.py in lambda_src/NAME from it.
Standard library only, since build.py imports this module, too.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "contract"


def read(name: str) -> dict[str, Any]:
    """Return one file of the contract, named without its suffix."""
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return found


ITEMS = read("items")
LIMITS: dict[str, dict[str, Any]] = read("limits")
PLATFORM = read("platform")
PROBLEMS = read("problems")
OPERATIONS: dict[str, dict[str, Any]] = read("operations")["operations"]

# The properties of an item that the server sets, in alphabetical order.
SERVERS_OWN = tuple(sorted(ITEMS["properties"]))


# The hook that gets the items of a response.
PRESENT = "present"


def hooks_of(operation: dict[str, Any]) -> set[str]:
    """Return the hooks of an operation: the one before its write, and `present` if it returns items."""
    answers = {answer.get("schema") for answer in operation["answers"].values()}
    return {*([operation["hook"]] if "hook" in operation else []), *([PRESENT] if answers & {"Item", "Page"} else [])}


def functions() -> dict[str, str]:
    """Return the text of each file of functions, by its path in lambda_src/.

    Each operation has a folder, and so has `entity`, the function with all operations. hooked.py is
    for entities with hooks, index.py for others. The endpoint of an operation is the class of its
    name in trestle.http.
    """
    found: dict[str, str] = {}
    for file, module, whose in (
        ("index.py", "trestle.http.handler", ""),
        ("hooked.py", "trestle.http.hooked", " with hooks"),
    ):
        imports = {name: f"from trestle.http.{name} import {name.capitalize()}" for name in OPERATIONS}
        of = " of an entity with hooks" if whose else ""
        found |= {
            f"{name}/{file}": "\n".join(
                (
                    f'"""The Lambda function of the {name} operation{of}."""\n',
                    *sorted((imported, f"from {module} import handler")),
                    f"\nlambda_handler = handler({name.capitalize()})\n",
                )
            )
            for name, imported in imports.items()
        }
        routes = (
            f'        ("{each["method"]}", "{each["path"]}"): {name.capitalize()},' for name, each in OPERATIONS.items()
        )
        found[f"entity/{file}"] = "\n".join(
            (
                f'"""The Lambda function of an entity{whose} whose operations share one."""\n',
                *sorted((*imports.values(), f"from {module} import routed")),
                "\nlambda_handler = routed(\n    {",
                *routes,
                "    }\n)\n",
            )
        )
    return found


def main() -> None:
    """Write the functions."""
    for path, text in functions().items():
        file = FOLDER.parent / "lambda_src" / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
