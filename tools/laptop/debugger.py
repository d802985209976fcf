"""Let a function of the running system wait for a debugger."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

from tools.errors import UserError
from tools.files import write_json
from tools.laptop.corrections.debugging import FILE
from tools.laptop.emulator import HOST, free_port
from tools.laptop.logs import functions_of
from tools.laptop.system import System
from tools.suggestions import correction
from tools.terraform import ROOT

PACKAGE = "debugpy"


def check_debugger() -> None:
    """Raise UserError if the debugger's package is not installed."""
    if not importlib.util.find_spec(PACKAGE):
        raise UserError(
            f"up --debug needs the package {PACKAGE}, which is not installed: run "
            f"`{sys.executable} -m pip install {PACKAGE}`, then repeat the command."
        )


def attach(system: System, name: str) -> str:
    """Let a function wait for a debugger from its next call on. Return the instructions for the user.

    `name` is one of the user's own functions, or ENTITY.OPERATION. Raise UserError for an unknown one.
    """
    known = {key: group.rpartition("/")[2] for group, key in functions_of(system.outputs()).items()}
    if name not in known:
        remedy = correction(name, known, f"name one of {', '.join(sorted(known))}")
        raise UserError(f"{system.name} has no function {name}: {remedy}", exit_code=2)
    # Use the same port again, so that the editor's configuration stays valid.
    file, used = system.emulator.folder / FILE, system.folder / FILE
    port = json.loads(used.read_text())["port"] if used.is_file() else free_port()
    write_json(used, {"port": port})
    write_json(file, {"function": known[name], "port": port, "app": str((system.root or ROOT) / "app")})
    attaching: dict[str, Any] = {
        "name": f"Trestle: {name}", "type": PACKAGE, "request": "attach", "connect": {"host": HOST, "port": port},
        "justMyCode": False,
    }  # fmt: skip
    return (
        f"When {name} is called, it waits for a debugger at {HOST}:{port}, without a timeout. It runs the files in "
        f"app/ directly, so breakpoints need no path mapping. For VS Code, add to .vscode/launch.json:\n\n"
        f"  {json.dumps(attaching)}\n"
    )


def detach(emulator_folder: Path) -> None:
    """Let functions run without a debugger."""
    (emulator_folder / FILE).unlink(missing_ok=True)
