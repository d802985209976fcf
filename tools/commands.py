"""Define every command and its options: `python -m tools COMMAND`, and `python local.py COMMAND` for the local run.

Each command names its handler, which is imported only when the command runs, so that no command waits for the
imports of another. A handler takes the options and returns the exit code. Exit codes: 0 success, 1 failure,
2 wrong arguments, 3 nothing is running, 130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib
import re
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from tools import venv
from tools.claims import parse_claim, scope_fault
from tools.console import Console
from tools.environment import Environment
from tools.errors import UserError, explain_os_error, user_errors
from tools.suggestions import correction, example_entity, example_environment, example_function, nearest
from tools.version import VERSION


class Option:
    """An argument of a command, with the settings of ArgumentParser.add_argument.

    is_needed: a required option; if it is missing, the error message shows how to pass it. is_alternative: a command
    accepts at most one of its options with this.
    """

    def __init__(self, *flags: str, is_needed: bool = False, is_alternative: bool = False, **settings: Any) -> None:
        self.flags, self.is_needed, self.is_alternative, self.settings = flags, is_needed, is_alternative, settings

    @property
    def name(self) -> str:
        """The option's name as a variable of make: ENV for --env."""
        return self.flags[0].lstrip("-").upper()


@dataclass(frozen=True)
class Command:
    """A command: its name, a summary, the function that runs it, and its options."""

    name: str
    summary: str
    handler: str  # module:function
    options: tuple[Option, ...] = ()
    forwards_to: str = ""  # the program that receives further arguments
    needs_packages: bool = True  # the packages of .venv


TYPO_SIMILARITY = 0.8  # 0 to 1; a word that is at least this similar to an option is a typo

PERIODS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
NOUNS = {"ENV": "environment", "ENTITY": "entity", "FILE": "file", "FUNCTION": "function"}


def positive(text: str) -> float:
    """Return a number greater than 0, for argparse."""
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a rate: write a number greater than 0.")
    return number


def count(text: str) -> int:
    """Return a whole number, for argparse."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 15):
        raise argparse.ArgumentTypeError(f"{text} is not a whole number: write 0 or more, with digits only.")
    return int(text)


def period(text: str) -> int:
    """Return the seconds in a period such as 15m, for argparse."""
    number, unit = text[:-1], text[-1:]
    if unit not in PERIODS or not (number.isascii() and number.isdecimal() and 0 < int(number) < 10_000):
        raise argparse.ArgumentTypeError(f"{text} is not a period: write a number and s, m, h or d, such as 15m.")
    return int(number) * PERIODS[unit]


def port(text: str) -> int:
    """Return a port that an ordinary user may listen on, for argparse."""
    if not (text.isdecimal() and 1024 <= int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text} is not a port: write a number from 1024 to 65535.")
    return int(text)


def claim(text: str) -> tuple[str, str]:
    """Return the name and value of a claim in the form NAME=VALUE, for argparse."""
    try:
        return parse_claim(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def scope(text: str) -> str:
    """Return a scope, for argparse."""
    if fault := scope_fault(text):
        raise argparse.ArgumentTypeError(fault)
    return text


def lifetime(text: str) -> int:
    """Return a number of seconds from now, for argparse. A negative number is a time in the past."""
    if not re.fullmatch(r"-?[0-9]{1,9}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds: write a whole number, such as 600.")
    return int(text)


ENV = Option("--env", is_needed=True, metavar="ENV", help="the environment, as in environments/ENV.tfvars")
ENV_OR_LOCAL = Option(
    "--env",
    is_needed=True,
    metavar="ENV",
    help="the environment, as in environments/ENV.tfvars, or local for the local run",
)
ENTITY = Option("--entity", is_needed=True, metavar="ENTITY", help="the entity's key in the tfvars")
FUNCTION = Option("--function", is_needed=True, metavar="FUNCTION", help="the function's key in the tfvars")
RATE = Option("--rate", type=positive, default=200.0, metavar="N", help="writes per second (default: %(default)g)")

TERRAFORM = "terraform"

TOOLS = (
    Command(
        "setup", "create .venv, or the virtual environments of the given lock files", "tools.venv:setup",
        (
            Option("locks", nargs="*", metavar="LOCK", help=f"one of {', '.join(venv.LOCKS)} (default: local)"),
            Option(
                "--terraform", action="store_true",
                help="also install Terraform into .venv if the machine has none",
            ),
        ),
        needs_packages=False,
    ),
    Command(
        "fmt", "format the Terraform files", "tools.validation:fmt",
        (
            Option(
                "--check", action="store_true",
                help="list the files that are not formatted, and fail if there are any; change nothing",
            ),
        ),
    ),
    Command(
        "validate", "run terraform validate and the tests of the variables' validations", "tools.validation:validate"
    ),
    Command("plan", "show what an apply would change", "tools.aws.deploy:plan", (ENV,), TERRAFORM),
    Command("apply", "change the environment in AWS", "tools.aws.deploy:apply", (ENV,), TERRAFORM),
    Command(
        "deploy", "apply, then run the smoke test", "tools.aws.deploy:deploy",
        (
            ENV,
            Option(
                "--smoke", nargs=argparse.REMAINDER, metavar="ARG",
                help="arguments of the smoke test; must come last",
            ),
        ),
        TERRAFORM,
    ),
    Command(
        "destroy", "list the data that is lost, then delete the environment",
        "tools.aws.deploy:destroy", (ENV,), TERRAFORM,
    ),
    Command("smoke", "test that a deployed API works", "tools.aws.deploy:smoke", (ENV,), "tests/smoke.py"),
    Command("outputs", "print an environment's outputs", "tools.aws.deploy:outputs", (ENV,)),
    Command(
        "openapi", "write a deployed API's OpenAPI document to openapi-ENV.json", "tools.aws.deploy:openapi", (ENV,)
    ),
    Command(
        "bootstrap", "prepare an account and region: the state bucket, API Gateway's log role, CI's roles",
        "tools.aws.bootstrap:bootstrap",
        (Option("--write", action="store_true", help="write the bucket's name to environments/*.s3.tfbackend"),),
        TERRAFORM,
    ),
    Command(
        "preflight", "check the account for problems that would make an apply fail",
        "tools.aws.preflight:preflight", (ENV,),
    ),
    Command(
        "cost", "estimate an environment's monthly cost without calling AWS", "tools.aws.cost:cost",
        (
            Option("--env", metavar="ENV", help="the environment, as in environments/ENV.tfvars"),
            Option(
                "--var-file", type=Path, action="append", metavar="FILE", dest="var_files",
                help="a further tfvars file; can be repeated",
            ),
            Option(
                "--requests", type=count, default=1_000_000, metavar="N",
                help="requests per month (default: %(default)s)",
            ),
        ),
    ),
    Command(
        "release", "shift traffic to new code in steps, and roll back if it fails", "tools.aws.release:run_release",
        (
            ENV_OR_LOCAL,
            Option(
                "--unproven", action="store_true",
                help="release versions even if they received no requests during the canary",
            ),
        ),
        TERRAFORM,
    ),
    Command("rollback", "return to the previous versions at once", "tools.aws.release:run_rollback", (ENV_OR_LOCAL,)),
    Command(
        "live", "show the live versions and those that a rollback returns to",
        "tools.aws.release:run_live", (ENV_OR_LOCAL,),
    ),
    Command(
        "logs", "print the functions' logs, one line per request", "tools.aws.logs:run_logs",
        (
            ENV_OR_LOCAL,
            Option("--entity", metavar="ENTITY", help="print only the logs of one entity's functions"),
            Option("--function", metavar="FUNCTION", help="print only the logs of one function of app/"),
            Option("--request", metavar="ID", help="print only lines that contain this request id, or any other text"),
            Option(
                "--since", type=period, default=600, metavar="PERIOD",
                help="how far to go back, such as 2h (default: 10m)",
            ),
            Option("--follow", "-f", action="store_true", help="print new lines as they come, until Ctrl-C"),
        ),
    ),
    Command(
        "run", "call a function of app/ once with a job, a change or an event", "tools.aws.functions:run_function",
        (
            ENV_OR_LOCAL,
            FUNCTION,
            Option(
                "--body", type=Path, metavar="FILE",
                help="a JSON file with the job's body, the change or the event",
            ),
        ),
    ),
    Command(
        "redrive", "retry the dead letters of a function of app/", "tools.aws.functions:run_redrive",
        (ENV_OR_LOCAL, FUNCTION),
    ),
    Command(
        "export", "write an entity's items to a file of JSON lines", "tools.aws.transfer:run_export",
        (
            ENV_OR_LOCAL,
            ENTITY,
            Option("--file", type=Path, metavar="FILE", help="a new file (default: ENTITY-ENV.jsonl), or - for stdout"),
            Option("--table", metavar="NAME", help="another table to read from, such as a restored one"),
        ),
    ),
    Command(
        "import", "store the items of an exported file", "tools.aws.transfer:run_import",
        (
            ENV_OR_LOCAL,
            ENTITY,
            Option("--file", type=Path, is_needed=True, metavar="FILE", help="the file of JSON lines"),
            Option("--after", type=count, default=0, metavar="N", help="continue after this line"),
            Option("--as-stored", action="store_true", help="store items even if the API would reject them now"),
            Option("--replace", action="store_true", help="replace stored items that have the same ids"),
            Option("--hooks", action="store_true", help="create new items, and call the hook before_create for each"),
            RATE,
        ),
    ),
    Command(
        "reindex", "add the keys of new filters to stored items", "tools.aws.reindex:run_reindex",
        (ENV_OR_LOCAL, ENTITY, Option("--after", metavar="ID", help="continue after this item"), RATE),
    ),
)  # fmt: skip

LAPTOP = (
    Command(
        "up", "start the system, or apply changes to the running one", "tools.laptop.cli:up",
        (
            Option(
                "--var-file", type=Path, action="append", metavar="FILE", dest="var_files",
                help="the system's variables; can be repeated (default: those of the last run, at first "
                "environments/local.tfvars)",
            ),
            Option(
                "--root", type=Path, metavar="DIR",
                help="the folder of your own Terraform that calls modules/service",
            ),
            Option(
                "--port", type=port, metavar="N",
                help="the port to listen on (default: that of the last run, at first 4566)",
            ),
            Option("--detach", action="store_true", help="return when the system is up, and leave it running"),
            Option(
                "--watch", action="store_true",
                help="apply each change that you save in app/, schemas/ or tfvars files",
            ),
            Option("--debug", metavar="FUNCTION", help="let this function wait for a debugger; it then has no timeout"),
            Option(
                "--yes", action="store_true",
                help="delete items and users of removed entities and user pools without asking",
            ),
        ),
    ),
    Command("status", "show whether a system is running (exit code 0) or not (3)", "tools.laptop.cli:status"),
    Command(
        "logs", "print the functions' logs", "tools.laptop.cli:logs",
        (Option("-f", "--follow", action="store_true", help="print new lines only, until Ctrl-C"),),
    ),
    Command(
        "run", "call a function of the running system once", "tools.aws.run_here:run_function",
        (
            Option("function", metavar="FUNCTION", help="the function's key in the tfvars"),
            Option("--change", is_alternative=True, type=Path, metavar="FILE", help="a JSON file with the change"),
            Option(
                "--body", is_alternative=True, type=Path, metavar="FILE",
                help="a JSON file with a job's body or an event",
            ),
        ),
    ),
    Command(
        "secret", "store a secret's value for your functions on this machine", "tools.laptop.own_functions:run_secret",
        (Option("name", metavar="NAME", help="the secret's key in `secrets` in the tfvars"),),
    ),
    Command("outputs", "print Terraform's outputs and the API keys as JSON", "tools.laptop.cli:outputs"),
    Command("env", "print shell exports of URL, KEY and CONSOLE", "tools.laptop.cli:env"),
    Command(
        "token", "print a user's access token from the system's user pool or the local issuer",
        "tools.laptop.cli:token",
        (
            Option(
                "--user", required=True, metavar="NAME",
                help="the user to sign in; created if there is no such user",
            ),
            Option(
                "--group", action="append", default=[], metavar="G", dest="groups",
                help="a group to put the user in; can be repeated (in a user pool, the user stays in it)",
            ),
            Option(
                "--claim", action="append", type=claim, default=[], metavar="K=V", dest="claims",
                help="a further claim for the token; can be repeated (in AWS, a trigger of the pool adds it)",
            ),
            Option(
                "--scope", action="append", type=scope, default=[], metavar="S", dest="scopes",
                help="a scope for the token, which only the local issuer supports; can be repeated",
            ),
            Option(
                "--expires", type=lifetime, metavar="N",
                help="the seconds until the token expires, which only the local issuer supports (default: 3600)",
            ),
            Option(
                "--issuer", choices=("cognito", "jwt"),
                help="cognito for the user pool, jwt for the local issuer (default: the one that the system has; "
                "cognito if it has both)",
            ),
        ),
    ),
    Command(
        "emulator",
        "start an empty emulated AWS account for `make deploy ENV=dev` and other commands, and print its exports",
        "tools.laptop.cli:emulator",
        (
            Option("--port", type=port, metavar="N", help="the port to listen on (default: 4567)"),
            Option("--region", default="us-west-2", help="the region to export (default: %(default)s)"),
            Option(
                "--detach", is_alternative=True, action="store_true",
                help="return when it is up, and leave it running",
            ),
            Option("--env", is_alternative=True, action="store_true", help="print the exports of the running one"),
            Option("--stop", is_alternative=True, action="store_true", help="stop it and delete its data"),
        ),
    ),
    Command(
        "down", "stop the system, and keep its data for the next start", "tools.laptop.cli:down",
        (Option("--purge", action="store_true", help="also delete its data"),),
    ),
)  # fmt: skip

ABOUT = {
    "local.py": "Run the system on this machine, without AWS.",
    "python -m tools": "Deploy and operate environments. make runs these commands: see `make help`.",
}


def parser(program: str, commands: Sequence[Command]) -> argparse.ArgumentParser:
    """Return the parser of a program's commands. The options that it parses contain the command as `command`."""
    main_parser = argparse.ArgumentParser(prog=program, description=ABOUT[program], allow_abbrev=False)
    main_parser.add_argument("--version", action="version", version=f"Trestle {VERSION}")
    added = main_parser.add_subparsers(required=True, metavar="COMMAND")
    for command in commands:
        rest = f" Further arguments go to {command.forwards_to}." if command.forwards_to else ""
        about = f"{command.summary[0].upper()}{command.summary[1:]}.{rest}"
        sub_parser = added.add_parser(command.name, help=command.summary, description=about, allow_abbrev=False)
        alternatives: Any = None
        for option in command.options:
            if option.is_alternative:
                alternatives = alternatives or sub_parser.add_mutually_exclusive_group()
                alternatives.add_argument(*option.flags, **option.settings)
            else:
                sub_parser.add_argument(*option.flags, **option.settings)
        sub_parser.set_defaults(command=command, parser=sub_parser)
    return main_parser


def parse(program: str, commands: Sequence[Command], arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options of a command line. Raise UserError if a required one is missing.

    The options also contain `arguments`, which the command forwards, and `progress`, which shows its steps.
    """
    check_spelling(program, commands, arguments)
    options, rest = parser(program, commands).parse_known_args(arguments)
    command: Command = options.command
    if rest and not command.forwards_to:
        raise UserError(
            f"{program} {command.name} does not accept the argument {rest[0]}: run `{program} {command.name} --help`.",
            exit_code=2,
        )
    options.arguments, options.progress = rest, Console()
    needed = [option.name for option in command.options if option.is_needed]
    given = {name: str(getattr(options, name.lower()) or "") for name in needed}
    if missing := [NOUNS[name] for name in needed if not given[name] or given[name] == "."]:
        examples = examples_of(given["ENV"])
        words = " ".join(f"{name}={given[name] if given[name] not in ('', '.') else examples[name]}" for name in needed)
        raise UserError(f"Name the {' and the '.join(missing)}: make {command.name} {words}", exit_code=2)
    return options


def check_spelling(program: str, commands: Sequence[Command], arguments: Sequence[str]) -> None:
    """Raise UserError if the command or a long option is unknown. The message suggests the closest match.

    If the command forwards further arguments to a program, other options pass, unless they look like a misspelt
    option of the command itself.
    """
    words = iter(arguments)
    word = next(words, "-")
    if word.startswith("-"):
        return
    names = [command.name for command in commands]
    if word not in names:
        remedy = correction(word, names, f"run `{program} --help`, which lists them")
        raise UserError(f"{program} has no command {word}: {remedy}", exit_code=2)
    command = commands[names.index(word)]
    flags = {flag: option for option in command.options for flag in option.flags if flag.startswith("--")}
    for each in words:
        flag = each.partition("=")[0]
        if flag == "--" or (flag in flags and flags[flag].settings.get("nargs") == argparse.REMAINDER):
            return
        if not flag.startswith("--") or flag in (*flags, "--help"):
            continue
        if command.forwards_to and not nearest(flag, flags, TYPO_SIMILARITY):
            continue
        remedy = correction(flag, flags, f"run `{program} {word} --help`, which lists them")
        raise UserError(f"{program} {word} has no option {flag}: {remedy}", exit_code=2)


def examples_of(environment: str) -> dict[str, str]:
    """Return an example for each required option, taken from the environments that exist."""
    environment = environment or example_environment()
    entity = example_entity(environment)
    function = example_function(environment)
    return {"ENV": environment, "ENTITY": entity, "FILE": f"{entity}.jsonl", "FUNCTION": function}


def interrupt(number: int, _frame: FrameType | None) -> None:
    """Treat a signal like Ctrl-C, and ignore further signals, which would interrupt the cleanup."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt(number)


@user_errors
def main(program: str, script: Path, commands: Sequence[Command], arguments: Sequence[str]) -> int:
    """Run a command, in .venv if it needs packages, and return its exit code."""
    options = parse(program, commands, arguments)
    command: Command = options.command
    if command.needs_packages:
        venv.enter(script, arguments)
    # `kill` and a closed terminal end a command as gracefully as Ctrl-C does. Signals that are ignored stay
    # ignored, as under nohup or in a background job of a shell.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, interrupt)
    return run(options)


def run(options: argparse.Namespace) -> int:
    """Run the handler of a command. Raise UserError for an error of AWS or the emulator."""
    module, _, function = options.command.handler.partition(":")
    try:
        if ENV_OR_LOCAL in options.command.options:
            options.environment = find_environment(options.env, options.progress)
        handler = getattr(importlib.import_module(module), function)
        code = int(handler(options))
        sys.stdout.flush()
        return code
    except Exception as error:
        if sentence := explain(error, options):
            raise UserError(sentence) from error
        raise


def find_environment(name: str, progress: Console) -> Environment:
    """Return the environment that ENV= names. Raise UserError if there is none."""
    if name == "local":
        from tools.laptop.environment import LocalEnvironment  # noqa: PLC0415 - it drops the user's AWS settings

        return LocalEnvironment(progress)
    from tools.aws.environment import AwsEnvironment  # noqa: PLC0415 - boto3 takes a third of a second

    return AwsEnvironment(name, progress)


def explain(error: Exception, options: argparse.Namespace) -> str | None:
    """Return the message for an error of AWS or the emulator, or None for any other error."""
    if isinstance(error, OSError) and not isinstance(error, BrokenPipeError) and options.command in LAPTOP:
        return explain_os_error(error)
    # Without botocore in memory, the error cannot be one of botocore's.
    if not (known := sys.modules.get("botocore.exceptions")):
        return None
    name = getattr(options, "env", None)
    if isinstance(error, known.BotoCoreError | known.ClientError):
        if options.command in LAPTOP or name == "local":
            return f"The emulator does not respond: {error}"
        from tools.aws.errors import explain_aws_error  # noqa: PLC0415 - as above

        return explain_aws_error(error, f"Run `make preflight ENV={name}` to see why.")
    return None
