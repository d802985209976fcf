"""The commands of local.py."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from local import cloud, sign_in
from local.cloud import Cloud, exports
from local.errors import UserError
from local.logs import follow
from local.stack import DEFAULT_PORT, Stack
from local.terraform import ROOT

ERASE = "\r\033[K"  # the line that progress is shown on


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return its exit code."""
    options = parser().parse_args(arguments)
    # A plain `kill` and a closed terminal end the run as gracefully as Ctrl-C.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    folder = Path(os.environ.get("TRESTLE_LOCAL_DIR") or ROOT / ".local").resolve()
    try:
        # What is called as no system can be: NAME-ENVIRONMENT has a hyphen.
        place = Cloud(folder / "aws", Console()) if options.command is emulator else Stack(folder, Console())
        code = int(options.command(place, options))
        sys.stdout.flush()
        return code
    except UserError as error:
        print(f"{ERASE if sys.stderr.isatty() else ''}{error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Who reads has enough, as `head` has. What is left must not be tried again on the way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def interrupt(_number: int, _frame: FrameType | None) -> None:
    """Treat a signal like Ctrl-C."""
    raise KeyboardInterrupt


def parser() -> argparse.ArgumentParser:
    """Return the command line's description."""
    main_parser = argparse.ArgumentParser(
        prog="local.py", description="Run the API on this machine, without AWS."
    )
    commands = main_parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("up", help="bring the stack up, or apply a change to the running one")
    command.add_argument(
        "--var-file", type=Path, action="append", metavar="FILE", dest="var_files",
        help="variables to apply, more than once if need be (default: environments/local.tfvars)",
    )  # fmt: skip
    command.add_argument(
        "--port", type=port_number, metavar="N", help=f"where to listen (default: {DEFAULT_PORT})"
    )
    command.add_argument("--detach", action="store_true", help="return when it is up, and leave it running")
    command.set_defaults(command=up)

    command = commands.add_parser("status", help="tell whether it runs (exit code 0) or not (3)")
    command.set_defaults(command=status)

    command = commands.add_parser("logs", help="print what the functions logged")
    command.add_argument("-f", "--follow", action="store_true", help="go on with what they log from now on")
    command.set_defaults(command=logs)

    command = commands.add_parser("outputs", help="print Terraform's outputs and the API keys as JSON")
    command.set_defaults(command=outputs)

    command = commands.add_parser("token", help="print an access token of a user of the stack's user pool")
    command.add_argument("--user", required=True, metavar="NAME", help="who signs in, made if need be")
    command.add_argument(
        "--group", action="append", default=[], metavar="G", dest="groups",
        help="a group that the user is put into and stays in, more than once if need be",
    )  # fmt: skip
    command.set_defaults(command=token)

    command = commands.add_parser(
        "emulator",
        help="start an empty emulated AWS for make deploy ENV=dev and the like; print its exports",
    )
    command.add_argument(
        "--port", type=port_number, metavar="N", help=f"where to listen (default: {cloud.DEFAULT_PORT})"
    )
    command.add_argument(
        "--region", default=cloud.REGION, help="the region that is exported (default: %(default)s)"
    )
    how = command.add_mutually_exclusive_group()
    how.add_argument("--detach", action="store_true", help="return when it answers, and leave it running")
    how.add_argument("--env", action="store_true", help="print the exports of the one that runs")
    how.add_argument("--stop", action="store_true", help="stop the one that runs; what is in it goes")
    command.set_defaults(command=emulator)

    command = commands.add_parser("down", help="stop the stack; its data stays for the next time")
    command.add_argument("--purge", action="store_true", help="delete its data, too")
    command.set_defaults(command=down)
    return main_parser


def port_number(text: str) -> int:
    """Return a port that an ordinary user may listen on."""
    port = int(text)
    if not 1024 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{port} is not a port from 1024 to 65535")
    return port


def now() -> int:
    """Return the time in milliseconds of the epoch."""
    return int(time.time() * 1000)


def up(stack: Stack, options: argparse.Namespace) -> int:
    """Bring the stack up; without --detach, follow the logs until Ctrl-C and stop it."""
    began = now()
    var_files = options.var_files or [ROOT / "environments" / "local.tfvars"]
    stack.up([Path(f).absolute() for f in var_files], options.port)
    print(f"Up in {(now() - began) / 1000:.0f} s.\n\n{welcome(stack)}", file=sys.stderr)
    if options.detach:
        return 0
    print("\nThe functions' logs follow; Ctrl-C stops everything.\n", file=sys.stderr)
    try:
        # Since the beginning: whoever reads the URL above may be quicker than the first look at the logs.
        follow(stack.outputs(), stack.running(), began, forever=True)
    except KeyboardInterrupt:
        print("\nStopping ...", file=sys.stderr)
    # A second Ctrl-C, from impatience, must not cost the data that is being saved.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stack.down()
    return 0


def welcome(stack: Stack) -> str:
    """Return what to do now: the API's URL and a request to paste."""
    outputs = stack.outputs()
    lines = {"API": outputs["api_url"], "Console": outputs.get("website_url"), "Try": stack.request()}
    return "\n".join(f"{name:<9}{value}" for name, value in lines.items() if value)


def status(stack: Stack, _options: argparse.Namespace) -> int:
    """Tell whether the stack runs."""
    running = stack.running()
    print(f"The stack is running on port {running.port}: {stack.outputs()['api_url']}")
    return 0


def logs(stack: Stack, options: argparse.Namespace) -> int:
    """Print the functions' logs."""
    follow(stack.outputs(), stack.running(), now() if options.follow else 0, forever=options.follow)
    return 0


def outputs(stack: Stack, _options: argparse.Namespace) -> int:
    """Print the outputs as one JSON object."""
    print(json.dumps(stack.outputs(), indent=2))
    return 0


def token(stack: Stack, options: argparse.Namespace) -> int:
    """Print an access token, and nothing else, on stdout."""
    running = stack.running()
    print(sign_in.token(stack.outputs(), running, stack.users, options.user, options.groups))
    return 0


def down(stack: Stack, options: argparse.Namespace) -> int:
    """Stop the stack."""
    ran = stack.emulator.running()
    stack.down(options.purge)
    state = "stopped" if ran else "was not running"
    print(f"The stack {state}{' and its data is deleted' if options.purge else ''}.", file=sys.stderr)
    return 0


def emulator(aws: Cloud, options: argparse.Namespace) -> int:
    """Start an empty emulated AWS and print its exports; without --detach, stop it at Ctrl-C."""
    if options.stop:
        ran = aws.emulator.running()
        aws.stop()
        state = "stopped and what was in it is deleted" if ran else "was not running"
        print(f"The emulated AWS {state}.", file=sys.stderr)
        return 0
    if options.env:
        print("\n".join(exports(aws.running())))
        return 0
    running = aws.start(options.port, options.region)
    print("\n".join(exports(running)), flush=True)
    if options.detach:
        print("`python local.py emulator --stop` stops it and deletes what is in it.", file=sys.stderr)
        return 0
    print(
        "\nPaste these lines into another terminal, or run there:\n"
        '  eval "$(python local.py emulator --env)"\n'
        "Then make bootstrap, make deploy ENV=dev and the others take it for AWS.\n"
        "Ctrl-C stops it and deletes what is in it.",
        file=sys.stderr,
    )
    try:
        while aws.emulator.running():
            time.sleep(0.5)
    except KeyboardInterrupt:
        print("\nStopping ...", file=sys.stderr)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        aws.stop()
        return 0
    raise UserError(f"The emulator has ended (log: {aws.emulator.log}).")


class Console:
    """Progress on stderr: one line that rewrites itself on a terminal, a line every few seconds elsewhere."""

    QUIET = 5.0  # seconds between two lines of the same step where lines cannot be rewritten

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.last = 0.0

    def __call__(self, text: str) -> None:
        """Show one step."""
        now = time.monotonic()
        counted = text.startswith("[")
        if counted and not sys.stderr.isatty() and now - self.last < self.QUIET:
            return
        self.last = now
        line = f"{now - self.began:4.0f} s  {text}"
        if not sys.stderr.isatty():
            print(line, file=sys.stderr, flush=True)
        elif counted:
            width = shutil.get_terminal_size().columns - 1
            print(f"{ERASE}{line[:width]}", end="", file=sys.stderr, flush=True)
        else:
            print(f"{ERASE}{line}", file=sys.stderr, flush=True)
