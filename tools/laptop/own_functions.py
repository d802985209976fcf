"""Store a secret's value for the user's own functions on this machine."""

from __future__ import annotations

import argparse

from tools.console import print_note
from tools.errors import UserError
from tools.laptop.secret_values import read_value, secrets_of
from tools.laptop.systems import local_systems
from tools.suggestions import correction


def run_secret(options: argparse.Namespace) -> int:
    """Store a secret's value, and write it to the running system at once."""
    systems = local_systems(options.progress)
    system = systems.current()
    functions = system.settings.get("functions", {})
    known = secrets_of(functions)
    if options.name not in known:
        remedy = correction(
            options.name, known, f"name one of {', '.join(known)}" if known else "its functions have no `secrets`"
        )
        raise UserError(f"{system.name} has no secret {options.name}: {remedy}", exit_code=2)
    value = read_value(options.name)
    with systems.lock():
        system.secrets.keep(options.name, value)
        running = system.emulator.running()
        if running:
            system.secrets.put(functions, running)
    print_note(f"{options.name} is stored for {system.name}{'; its functions now use it' if running else ''}.")
    return 0
