"""The commands of local.py."""

from __future__ import annotations

import argparse
import errno
import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from botocore.exceptions import BotoCoreError

from tools.errors import UserError, sentence_for
from tools.laptop import emulated_aws, sign_in
from tools.laptop.emulated_aws import EmulatedAws, exports, proxy_exceptions
from tools.laptop.logs import follow
from tools.laptop.stack import DEFAULT_PORT, Stack
from tools.laptop.systems import Systems, local_folder, local_systems

HERE = ("127.0.0.1", "localhost")
QUOTE, QUOTED = "'", "'\\''"
ERASE = "\r\033[K"  # the line that progress is shown on


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return its exit code."""
    options = parser().parse_args(arguments)
    # A plain `kill` and a closed terminal end the run as gracefully as Ctrl-C, but under nohup, and where a
    # shell's background job is to ignore them.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, interrupt)
    try:
        # No system's folder is called "aws": NAME-ENVIRONMENT has a hyphen.
        if options.command is emulator:
            code: int = emulator(EmulatedAws(local_folder() / "aws", Console()), options)
        else:
            code = int(options.command(local_systems(Console()), options))
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
    except BotoCoreError as error:
        print(f"{ERASE if sys.stderr.isatty() else ''}The emulator does not answer: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{ERASE if sys.stderr.isatty() else ''}{explain_os_error(error)}", file=sys.stderr)
        return 1


def explain_os_error(error: OSError) -> str:
    """Return a sentence for what the operating system refuses."""
    if said := sentence_for(error):
        return said
    what = f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error)
    if error.errno == errno.ENOENT and not error.filename:
        return "The current folder is gone: change to one that exists."
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        return f"{what}. Move that file away, or let TRESTLE_LOCAL_DIR name another folder."
    return f"{what}."


def interrupt(_number: int, _frame: FrameType | None) -> None:
    """Treat a signal like Ctrl-C, and ignore further ones, which would interrupt the save."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def parser() -> argparse.ArgumentParser:
    """Return the command line's description."""
    main_parser = argparse.ArgumentParser(prog="local.py", description="Run the API on this machine, without AWS.")
    commands = main_parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("up", help="bring the stack up, or apply a change to the running one")
    command.add_argument(
        "--var-file", type=Path, action="append", metavar="FILE", dest="var_files",
        help="variables to apply, more than once if need be (default: what ran last, at first "
        "environments/local.tfvars)",
    )  # fmt: skip
    command.add_argument("--port", type=port_number, metavar="N", help=f"where to listen (default: {DEFAULT_PORT})")
    command.add_argument("--detach", action="store_true", help="return when it is up, and leave it running")
    command.add_argument(
        "--yes", action="store_true", help="delete items and users of removed tables and pools without asking"
    )
    command.set_defaults(command=up)

    command = commands.add_parser("status", help="tell whether it runs (exit code 0) or not (3)")
    command.set_defaults(command=status)

    command = commands.add_parser("logs", help="print what the functions logged")
    command.add_argument("-f", "--follow", action="store_true", help="go on with what they log from now on")
    command.set_defaults(command=logs)

    command = commands.add_parser("outputs", help="print Terraform's outputs and the API keys as JSON")
    command.set_defaults(command=outputs)

    command = commands.add_parser("env", help="print exports of URL, KEY and CONSOLE for a shell to evaluate")
    command.set_defaults(command=env)

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
        "--port", type=port_number, metavar="N", help=f"where to listen (default: {emulated_aws.DEFAULT_PORT})"
    )
    command.add_argument(
        "--region", default=emulated_aws.REGION, help="the region that is exported (default: %(default)s)"
    )
    how = command.add_mutually_exclusive_group()
    how.add_argument("--detach", action="store_true", help="return when it answers, and leave it running")
    how.add_argument("--env", action="store_true", help="print the exports of the one that runs")
    how.add_argument("--stop", action="store_true", help="stop the one that runs, and delete its data")
    command.set_defaults(command=emulator)

    command = commands.add_parser("down", help="stop the stack; its data stays for the next time")
    command.add_argument("--purge", action="store_true", help="delete its data, too")
    command.set_defaults(command=down)
    return main_parser


def port_number(text: str) -> int:
    """Return a port that an ordinary user may listen on."""
    if not (text.isdecimal() and 1024 <= int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text} is not a port from 1024 to 65535")
    return int(text)


def now() -> int:
    """Return the time in milliseconds of the epoch."""
    return int(time.time() * 1000)


def up(systems: Systems, options: argparse.Namespace) -> int:
    """Bring a system up; without --detach, follow the logs until Ctrl-C and stop it."""
    began = now()
    confirm = (lambda _: True) if options.yes else confirm_losses
    stack = systems.up([Path(f).resolve() for f in options.var_files or ()], options.port, confirm)
    print(f"{stack.name} is up in {(now() - began) / 1000:.0f} s.\n\n{welcome(stack)}", file=sys.stderr)
    if options.detach:
        return 0
    print("\nThe functions' logs follow; Ctrl-C stops everything.\n", file=sys.stderr)
    try:
        # Since the beginning: whoever reads the URL above may be quicker than the first look at the logs.
        follow(stack.outputs(), stack.running(), began, forever=True)
        print(f"\n{stack.name} was stopped from elsewhere.", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nStopping ...", file=sys.stderr)
        systems.stop(stack)
    return 0


def confirm_losses(losses: list[str]) -> bool:
    """Ask whether to delete what is listed; where nobody can be asked, the answer is no."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    print(f"{ERASE}This deletes {' and '.join(losses)}. Delete? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def welcome(stack: Stack) -> str:
    """Return what to do now: the API's URL and a request to paste."""
    outputs = stack.outputs()
    lines = {"API": outputs["api_url"], "Console": outputs.get("website_url"), "Try": stack.request()}
    return "\n".join(f"{name:<9}{value}" for name, value in lines.items() if value)


def status(systems: Systems, _options: argparse.Namespace) -> int:
    """Tell which system runs."""
    stack = systems.current()
    running = stack.running()
    print(f"{stack.name} is running on port {running.port}: {stack.outputs()['api_url']}")
    if others := systems.others():
        print(f"Other systems with data here: {', '.join(others)}", file=sys.stderr)
    if fault := stack.emulator.state(running).get("fault"):
        print(f"Its latest changes cannot be saved ({fault}): fix that.", file=sys.stderr)
    return 0


def logs(systems: Systems, options: argparse.Namespace) -> int:
    """Print the functions' logs."""
    stack = systems.current()
    outputs, running = stack.outputs(), stack.running()
    if sys.stderr.isatty():
        print(f"The logs of {stack.name}:", file=sys.stderr)
    follow(outputs, running, now() if options.follow else 0, forever=options.follow)
    return 0


def outputs(systems: Systems, _options: argparse.Namespace) -> int:
    """Print the outputs as one JSON object."""
    print(json.dumps(systems.current().outputs(), indent=2))
    return 0


def env(systems: Systems, _options: argparse.Namespace) -> int:
    """Print the exports of URL, KEY and CONSOLE; what the system does not have is empty."""
    outputs = systems.current().outputs()
    key = next(iter(outputs["api_keys"].values()), "")
    values = {"URL": outputs["api_url"].rstrip("/"), "KEY": key, "CONSOLE": outputs.get("website_url") or ""}
    values |= proxy_exceptions(*HERE)
    for name, value in values.items():
        # In quotes whatever it holds, and in a form that fish reads, too.
        print(f"export {name}='{value.replace(QUOTE, QUOTED)}'")
    return 0


def token(systems: Systems, options: argparse.Namespace) -> int:
    """Print an access token, and nothing else, on stdout."""
    stack = systems.current()
    running = stack.running()
    print(sign_in.token(stack.outputs(), running, stack.users, options.user, options.groups))
    return 0


def down(systems: Systems, options: argparse.Namespace) -> int:
    """Stop what runs."""
    if (stopped := systems.down(options.purge)) is None:
        print("No system has run here yet.", file=sys.stderr)
        return 0
    name, ran = stopped
    state = "stopped" if ran else "was not running"
    print(f"{name} {state}{' and its data is deleted' if options.purge else ''}.", file=sys.stderr)
    return 0


def emulator(aws: EmulatedAws, options: argparse.Namespace) -> int:
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
        "Then make bootstrap, make deploy ENV=dev and the others treat it as AWS.\n"
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
