"""Run the commands of local.py, and print their output."""

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

LOOPBACK = ("127.0.0.1", "localhost")
QUOTE, QUOTED = "'", "'\\''"


def now() -> int:
    """Return the current time in milliseconds since the epoch."""
    return int(time.time() * 1000)


def up(options: argparse.Namespace) -> int:
    """Start a system. Without --detach, follow its logs (with --watch also its files) until Ctrl-C, then stop it."""
    if options.watch and options.detach:
        raise UserError("--watch cannot be combined with --detach: leave one of them out.", exit_code=2)
    if options.debug:
        check_debugger()
    systems = local_systems(options.progress)
    began = now()
    confirm = (lambda _: True) if options.yes else confirm_losses
    root = options.root.resolve() if options.root else None
    system = systems.up([Path(f).resolve() for f in options.var_files or ()], options.port, confirm, root)
    text = f"{system.name} is up in {(now() - began) / 1000:.0f} s.\n\n{welcome(system)}"
    if options.debug:
        text = f"{text}\n\n{attach(system, options.debug)}"
    else:
        detach(system.emulator.folder)
    if options.detach:
        print_note(text)
        return 0
    # The user may press Ctrl-C as soon as the first line is there.
    try:
        print_note(f"{text}\n\nThe functions' logs follow. Ctrl-C stops the system.\n")
        # Follow the logs from the start: the user may send a request before they are read for the first time.
        if options.watch:
            watch = Watch(systems, system, confirm, began)
            print_note("Watching app/, lambda_src/, schemas/ and the system's tfvars and Terraform files.")
            try:
                watch.run()
            finally:
                system = watch.system
        else:
            follow(system.outputs(), system.running(), began, forever=True)
        print_note(f"\n{system.name} was stopped by another command.")
    except KeyboardInterrupt:
        print_note("\nStopping ...")
        systems.stop(system)
    return 0


def confirm_losses(losses: list[str]) -> bool:
    """Ask whether to delete what is listed. Return False without asking if there is no terminal."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    print(f"{ERASE}This deletes {' and '.join(losses)}. Continue? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def welcome(system: System) -> str:
    """Return the text for a started system: URLs, an example request, functions, and secrets that have no value yet."""
    outputs = system.outputs()
    lines = {"API": outputs["api_url"], "Console": outputs.get("website_url"), "Try": system.request()}
    parts = ["\n".join(f"{name:<9}{value}" for name, value in lines.items() if value)]
    if functions := outputs.get("functions"):
        width = max(map(len, functions)) + 2
        parts.append(
            "\n".join(["Functions", *(f"  {name:<{width}}{triggers_text(of)}" for name, of in functions.items())])
        )
    return "\n\n".join([*parts, *filter(None, [advice(system.put_secrets())])])


def triggers_text(function: dict[str, Any]) -> str:
    """Return what calls a function: its routes, or the kind of its trigger."""
    kinds = {"job": "only `python local.py run`", "changes": "changes of items", "event": "events"}
    return ", ".join(function["routes"]) or kinds.get(function["kind"], f"a {function['kind']}")


def status(options: argparse.Namespace) -> int:
    """Print which system is running."""
    systems = local_systems(options.progress)
    system = systems.current()
    running = system.running()
    print(f"{system.name} is running on port {running.port}: {system.outputs()['api_url']}")
    print(f"Trestle {VERSION}")
    if others := systems.other_names():
        print_note(f"Other systems with data on this machine: {', '.join(others)}")
    if fault := system.emulator.state(running).get("fault"):
        print_note(f"Its latest changes cannot be saved ({fault}): fix this before you stop it.")
    for problem in [advice(system.put_secrets()), *mapping_problems(running)]:
        if problem:
            print_note(problem)
    return 0


def mapping_problems(running: Running) -> list[str]:
    """Return a sentence for each problem that keeps a function from reading its stream or queue."""
    found = client("lambda", running).get_paginator("list_event_source_mappings").paginate()
    return [
        f"{mapping['FunctionArn'].split(':')[6]} receives nothing from {mapping['EventSourceArn']}: {problem}"
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
    """Print shell exports of URL, KEY and CONSOLE. A variable is empty if the system does not have its value."""
    outputs = local_systems(options.progress).current().outputs()
    key = next(iter(outputs["api_keys"].values()), "")
    values = {"URL": outputs["api_url"].rstrip("/"), "KEY": key, "CONSOLE": outputs.get("website_url") or ""}
    values |= proxy_exceptions(*LOOPBACK)
    for name, value in values.items():
        # Quote every value, in a form that fish reads as well.
        print(f"export {name}='{value.replace(QUOTE, QUOTED)}'")
    return 0


def token(options: argparse.Namespace) -> int:
    """Print an access token to stdout, and nothing else."""
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
            f"{given} works only with the local issuer, and this token is from the user pool: leave it out{other}.",
            exit_code=2,
        )
    for name in claims:
        if name.startswith("cognito:"):
            raise UserError(f"{name} is a claim that Cognito sets itself: use --group instead.", exit_code=2)
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
    """Return the issuer that signs a token, "cognito" or "jwt". Raise UserError if the system does not have it."""
    known = {"cognito": bool(system.outputs().get("user_pool_id")), "jwt": bool(system.settings.get("jwt"))}
    found = [name for name, is_there in known.items() if is_there and wanted in (None, name)]
    if found:
        return found[0]
    if wanted == "jwt":
        fault = "no issuer other than the user pool" if known["cognito"] else "no issuer"
        remedy = "add `jwt` and an operation with the access jwt to its tfvars"
    else:
        fault, remedy = "no user pool", "give an operation the access cognito in its tfvars"
        if wanted and known["jwt"]:
            remedy += ", or leave --issuer out"
    raise UserError(f"This system has {fault}: {remedy}, then run `python local.py up`.")


def checked_claims(options: argparse.Namespace) -> dict[str, str]:
    """Return the claims of a command line by name. Raise UserError for an invalid claim, user or group."""
    named = [("user", options.user), *(("group", group) for group in options.groups)]
    if fault := next(filter(None, (name_fault(*each) for each in named)), None):
        raise UserError(f"{fault[0].upper()}{fault[1:]}.", exit_code=2)
    try:
        return unique_claims(options.claims)
    except ValueError as error:
        said = str(error)
        raise UserError(f"{said if said[0].isdigit() else f'--claim {said}'}.", exit_code=2) from None


def down(options: argparse.Namespace) -> int:
    """Stop the running system."""
    if (stopped := local_systems(options.progress).down(options.purge)) is None:
        print_note("No system has run here yet.")
        return 0
    name, ran = stopped
    state = "was stopped" if ran else "was not running"
    print_note(f"{name} {state}{', and its data was deleted' if options.purge else ''}.")
    return 0


def emulator(options: argparse.Namespace) -> int:
    """Start an empty emulated AWS account and print its exports. Without --detach, stop it on Ctrl-C."""
    # No system's folder is called "aws": NAME-ENVIRONMENT has a hyphen.
    aws = EmulatedAws(local_folder() / "aws", options.progress)
    if options.stop:
        ran = aws.emulator.running()
        aws.stop()
        state = "was stopped, and its data was deleted" if ran else "was not running"
        print_note(f"The emulated AWS account {state}.")
        return 0
    if options.env:
        print("\n".join(exports(aws.running())))
        return 0
    running = aws.start(options.port, options.region)
    if options.detach:
        print("\n".join(exports(running)), flush=True)
        print_note("`python local.py emulator --stop` stops it and deletes its data.")
        return 0
    # The user may press Ctrl-C as soon as the exports are there.
    try:
        print("\n".join(exports(running)), flush=True)
        print_note(
            "\nPaste these lines into another terminal, or run there:\n"
            '  eval "$(python local.py emulator --env)"\n'
            "Then `make bootstrap`, `make deploy ENV=dev` and other commands use it as AWS.\n"
            "Ctrl-C stops it and deletes its data."
        )
        while aws.emulator.running():
            time.sleep(0.5)
    except KeyboardInterrupt:
        print_note("\nStopping ...")
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        aws.stop()
        return 0
    raise UserError(f"The emulator stopped unexpectedly. Its log shows why: {aws.emulator.log}")
