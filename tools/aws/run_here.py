"""Call a function of app/ once on this machine: `make run` with the options of local.py."""

from __future__ import annotations

import argparse

from tools.aws import functions
from tools.errors import UserError
from tools.laptop.environment import LocalEnvironment
from tools.suggestions import correction


def run_function(options: argparse.Namespace) -> int:
    """Call a function of the running system once, and print the result. Raise UserError if it fails."""
    environment = LocalEnvironment(options.progress)
    known = environment.functions()
    if options.function not in known:
        remedy = correction(options.function, known, f"name one of {', '.join(sorted(known))}" if known else
                            "add one to the tfvars, as docs/reference/own-code.md shows")  # fmt: skip
        raise UserError(f"{environment.running_system.name} has no function {options.function}: {remedy}", exit_code=2)
    takes = functions.find(environment, options.function).argument
    option = "--change" if takes == "change" else "--body"
    given, other = (options.change, options.body) if takes == "change" else (options.body, options.change)
    which = f"{options.function} takes {'an' if takes == 'event' else 'a'} {takes}"
    if other:
        raise UserError(f"{which}: pass it with {option} FILE.", exit_code=2)
    if given is None and takes != "job":
        raise UserError(
            f"{which}: write one into a file, as docs/how-to/own-code.md shows, and add {option} FILE.",
            exit_code=2,
        )
    if given and not given.is_file():
        raise UserError(f"There is no file {given}: name another with {option}.")
    options.environment, options.body = environment, given
    return functions.run_function(options)
