"""The commands of local.py: what each does, and what it prints."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

from tools.claims import RESERVED_BY_COGNITO, name_fault, unique_claims
from tools.console import ERASE, print_note
from tools.errors import UserError
from tools.laptop import sign_in
from tools.laptop.debugger import attach, check_debugger, detach
from tools.laptop.emulated_aws import EmulatedAws, exports, proxy_exceptions
from tools.laptop.emulator import Running, client
from tools.laptop.issuer.tokens import LIFETIME
from tools.laptop.logs import follow
from tools.laptop.secret_values import advice
from tools.laptop.system import System
from tools.laptop.systems import local_folder, local_systems
from tools.laptop.watch import Watch
from tools.version import VERSION

HERE = ("127.0.0.1", "localhost")
QUOTE, QUOTED = "'", "'\\''"


def now() -> int:
    """Return the time in milliseconds of the epoch."""
    return int(time.time() * 1000)


def up(options: argparse.Namespace) -> int:
    """Bring a system up; without --detach, follow the logs, or the files as well, until Ctrl-C and stop it."""
    if options.watch and options.detach:
        raise UserError("--watch follows your files until Ctrl-C: leave --detach out, or --watch.", exit_code=2)
    if options.debug:
        check_debugger()
    systems = local_systems(options.progress)
    began = now()
    confirm = (lambda _: True) if options.yes else confirm_losses
    root = options.root.resolve() if options.root else None
    system = systems.up([Path(f).resolve() for f in options.var_files or ()], options.port, confirm, root)
    said = f"{system.name} is up in {(now() - began) / 1000:.0f} s.\n\n{welcome(system)}"
    if options.debug:
        said = f"{said}\n\n{attach(system, options.debug)}"
    else:
        detach(system.emulator.folder)
    if options.detach:
        print_note(said)
        return 0
    # Whoever reads that it is up may press Ctrl-C before the logs follow.
    try:
        print_note(f"{said}\n\nThe functions' logs follow; Ctrl-C stops everything.\n")
        # Since the beginning: whoever reads the URL above may be quicker than the first look at the logs.
        if options.watch:
            watch = Watch(systems, system, confirm, began)
            print_note("Watching app/, lambda_src/, schemas/ and what describes the system.")
            try:
                watch.run()
            finally:
                system = watch.system
        else:
            follow(system.outputs(), system.running(), began, forever=True)
        print_note(f"\n{system.name} was stopped from elsewhere.")
    except KeyboardInterrupt:
        print_note("\nStopping ...")
        systems.stop(system)
    return 0


def confirm_losses(losses: list[str]) -> bool:
    """Ask whether to delete what is listed; where nobody can be asked, the answer is no."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    print(f"{ERASE}This deletes {' and '.join(losses)}. Delete? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def welcome(system: System) -> str:
    """Return what to do now: the API's URL and a request to paste, what calls functions, secrets without a value."""
    outputs = system.outputs()
    lines = {"API": outputs["api_url"], "Console": outputs.get("website_url"), "Try": system.request()}
    said = ["\n".join(f"{name:<9}{value}" for name, value in lines.items() if value)]
    if functions := outputs.get("functions"):
        width = max(map(len, functions)) + 2
        said.append("\n".join(["Functions", *(f"  {name:<{width}}{calls(of)}" for name, of in functions.items())]))
    return "\n\n".join([*said, *filter(None, [advice(system.missing_secrets())])])


def calls(function: dict[str, Any]) -> str:
    """Return what calls a function: its routes, or the kind of its trigger."""
    kinds = {"job": "only `python local.py run`", "changes": "changes of items", "event": "events"}
    return ", ".join(function["routes"]) or kinds.get(function["kind"], f"a {function['kind']}")


def status(options: argparse.Namespace) -> int:
    """Tell which system runs."""
    systems = local_systems(options.progress)
    system = systems.current()
    running = system.running()
    print(f"{system.name} is running on port {running.port}: {system.outputs()['api_url']}")
    print(f"Trestle {VERSION}")
    if others := systems.others():
        print_note(f"Other systems with data here: {', '.join(others)}")
    if fault := system.emulator.state(running).get("fault"):
        print_note(f"Its latest changes cannot be saved ({fault}): fix that.")
    for problem in [advice(system.missing_secrets()), *mapping_problems(running)]:
        if problem:
            print_note(problem)
    return 0


def mapping_problems(running: Running) -> list[str]:
    """Return what keeps functions from reading their streams and queues, a sentence each."""
    found = client("lambda", running).get_paginator("list_event_source_mappings").paginate()
    return [
        f"{mapping['FunctionArn'].split(':')[6]} gets nothing from {mapping['EventSourceArn']}: {problem}"
        for page in found
        for mapping in page["EventSourceMappings"]
        for kind, _, problem in [mapping["LastProcessingResult"].partition("PROBLEM: ")]
        if not kind and "lacks" in problem
    ]


def logs(options: argparse.Namespace) -> int:
    """Print the functions' logs."""
    system = local_systems(options.progress).current()
    outputs, running = system.outputs(), system.running()
    if sys.stderr.isatty():
        print_note(f"The logs of {system.name}:")
    follow(outputs, running, now() if options.follow else 0, forever=options.follow)
    return 0


def outputs(options: argparse.Namespace) -> int:
    """Print the outputs as one JSON object."""
    print(json.dumps(local_systems(options.progress).current().outputs(), indent=2))
    return 0


def env(options: argparse.Namespace) -> int:
    """Print the exports of URL, KEY and CONSOLE; what the system does not have is empty."""
    outputs = local_systems(options.progress).current().outputs()
    key = next(iter(outputs["api_keys"].values()), "")
    values = {"URL": outputs["api_url"].rstrip("/"), "KEY": key, "CONSOLE": outputs.get("website_url") or ""}
    values |= proxy_exceptions(*HERE)
    for name, value in values.items():
        # In quotes whatever it holds, and in a form that fish reads, too.
        print(f"export {name}='{value.replace(QUOTE, QUOTED)}'")
    return 0


def token(options: argparse.Namespace) -> int:
    """Print an access token, and nothing else, on stdout."""
    system = local_systems(options.progress).current()
    running, claims = system.running(), checked_claims(options)
    if token_issuer(system, options.issuer) == "jwt":
        issuer = system.issuer(running)
        issuer.prepare(system.settings["jwt"], system.name)
        print(
            issuer.access_token(
                options.user, groups=options.groups, scopes=options.scopes, claims=claims,
                lifetime=LIFETIME if options.expires is None else options.expires,
            )
        )  # fmt: skip
        return 0
    if given := "--scope" if options.scopes else "--expires" if options.expires is not None else None:
        other = ", or add --issuer jwt" if system.settings.get("jwt") else ""
        raise UserError(
            f"{given} is for tokens of the laptop's issuer, and this token is the user pool's: leave it out{other}.",
            exit_code=2,
        )
    for name in claims:
        if name.startswith("cognito:"):
            raise UserError(f"{name} is Cognito's own claim: put the user into groups with --group.", exit_code=2)
        if name in RESERVED_BY_COGNITO:
            raise UserError(f"{name} is a claim that the user pool sets itself: choose another name.", exit_code=2)
    print(
        sign_in.token(
            system.outputs(), running, system.users, options.user, options.groups,
            claims=claims, keys=system.emulator.pool_keys,
        )
    )  # fmt: skip
    return 0


def token_issuer(system: System, wanted: str | None) -> str:
    """Return who signs a token, "cognito" or "jwt". Raise UserError if the system has none, or not the one wanted."""
    known = {"cognito": bool(system.outputs().get("user_pool_id")), "jwt": bool(system.settings.get("jwt"))}
    found = [name for name, is_there in known.items() if is_there and wanted in (None, name)]
    if found:
        return found[0]
    if wanted == "jwt":
        fault = "no issuer besides the user pool" if known["cognito"] else "no issuer"
        remedy = "write `jwt` and an access of jwt into its tfvars"
    else:
        fault, remedy = "no user pool", "give an operation the access cognito in its tfvars"
        if wanted and known["jwt"]:
            remedy += ", or leave --issuer out"
    raise UserError(f"This system has {fault}: {remedy}, then run `python local.py up`.")


def checked_claims(options: argparse.Namespace) -> dict[str, str]:
    """Return the claims of a command line by name. Raise UserError for these, a user or a group that no token has."""
    named = [("user", options.user), *(("group", group) for group in options.groups)]
    if fault := next(filter(None, (name_fault(*each) for each in named)), None):
        raise UserError(f"{fault[0].upper()}{fault[1:]}.", exit_code=2)
    try:
        return unique_claims(options.claims)
    except ValueError as error:
        said = str(error)
        raise UserError(f"{said if said[0].isdigit() else f'--claim {said}'}.", exit_code=2) from None


def down(options: argparse.Namespace) -> int:
    """Stop what runs."""
    if (stopped := local_systems(options.progress).down(options.purge)) is None:
        print_note("No system has run here yet.")
        return 0
    name, ran = stopped
    state = "stopped" if ran else "was not running"
    print_note(f"{name} {state}{' and its data is deleted' if options.purge else ''}.")
    return 0


def emulator(options: argparse.Namespace) -> int:
    """Start an empty emulated AWS and print its exports; without --detach, stop it at Ctrl-C."""
    # No system's folder is called "aws": NAME-ENVIRONMENT has a hyphen.
    aws = EmulatedAws(local_folder() / "aws", options.progress)
    if options.stop:
        ran = aws.emulator.running()
        aws.stop()
        state = "stopped and what was in it is deleted" if ran else "was not running"
        print_note(f"The emulated AWS {state}.")
        return 0
    if options.env:
        print("\n".join(exports(aws.running())))
        return 0
    running = aws.start(options.port, options.region)
    if options.detach:
        print("\n".join(exports(running)), flush=True)
        print_note("`python local.py emulator --stop` stops it and deletes what is in it.")
        return 0
    # Whoever reads the exports may press Ctrl-C before the note is printed.
    try:
        print("\n".join(exports(running)), flush=True)
        print_note(
            "\nPaste these lines into another terminal, or run there:\n"
            '  eval "$(python local.py emulator --env)"\n'
            "Then make bootstrap, make deploy ENV=dev and the others treat it as AWS.\n"
            "Ctrl-C stops it and deletes what is in it."
        )
        while aws.emulator.running():
            time.sleep(0.5)
    except KeyboardInterrupt:
        print_note("\nStopping ...")
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        aws.stop()
        return 0
    raise UserError(f"The emulator has ended (log: {aws.emulator.log}).")
