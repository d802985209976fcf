"""Every command, with its options: `python -m tools COMMAND`, and `python local.py COMMAND` for this machine.

Handlers are named here and imported when they run, so that no command waits for another's imports. A handler
gets the options and returns the exit code. Exit codes: 0 done, 1 failed, 2 wrong arguments, 3 nothing is
running, 130 interrupted.
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
    """An argument of a command, as ArgumentParser.add_argument takes it.

    An option that is needed is an error of its own if it is missing, which says how to give it. Of a command's
    options that are alternatives, one at most may be given.
    """

    def __init__(self, *flags: str, is_needed: bool = False, is_alternative: bool = False, **settings: Any) -> None:
        self.flags, self.is_needed, self.is_alternative, self.settings = flags, is_needed, is_alternative, settings

    @property
    def name(self) -> str:
        """The option's name as users know it from make: ENV for --env."""
        return self.flags[0].lstrip("-").upper()


@dataclass(frozen=True)
class Command:
    """A command: its name, what it does, the function that does it, and its options."""

    name: str
    summary: str
    handler: str  # module:function
    options: tuple[Option, ...] = ()
    forwards_to: str = ""  # the program that gets further arguments
    needs_packages: bool = True  # those of .venv


ALMOST = 0.8  # how alike a word and an option are, from 0 to 1, if it is that option misspelt

PERIODS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
NOUNS = {"ENV": "environment", "ENTITY": "entity", "FILE": "file", "FUNCTION": "function"}


def positive(text: str) -> float:
    """Return a number over 0, for argparse."""
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no rate: write a number over 0.")
    return number


def count(text: str) -> int:
    """Return a whole number, for argparse."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 15):
        raise argparse.ArgumentTypeError(f"{text} is not a whole number: write 0 or more, in digits alone.")
    return int(text)


def period(text: str) -> int:
    """Return the seconds of a period such as 15m, for argparse."""
    number, unit = text[:-1], text[-1:]
    if unit not in PERIODS or not (number.isascii() and number.isdecimal() and 0 < int(number) < 10_000):
        raise argparse.ArgumentTypeError(f"{text} is not a period: write a number and s, m, h or d, such as 15m.")
    return int(number) * PERIODS[unit]


def port(text: str) -> int:
    """Return a port that an ordinary user may listen on, for argparse."""
    if not (text.isdecimal() and 1024 <= int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text} is not a port from 1024 to 65535")
    return int(text)


def claim(text: str) -> tuple[str, str]:
    """Return the name and the value of a claim that is written NAME=VALUE, for argparse."""
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
    """Return seconds from now, which are negative for a time that is over, for argparse."""
    if not re.fullmatch(r"-?[0-9]{1,9}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds: write a whole number, such as 600")
    return int(text)


ENV = Option("--env", is_needed=True, metavar="ENV", help="the environment, as in environments/ENV.tfvars")
ENV_OR_LOCAL = Option(
    "--env",
    is_needed=True,
    metavar="ENV",
    help="the environment, as in environments/ENV.tfvars, or local: what runs here",
)
ENTITY = Option("--entity", is_needed=True, metavar="ENTITY", help="the entity, by its key in the tfvars")
FUNCTION = Option("--function", is_needed=True, metavar="FUNCTION", help="the function, by its key in the tfvars")
RATE = Option("--rate", type=positive, default=200.0, metavar="N", help="writes a second (default: %(default)g)")

TERRAFORM = "terraform"

TOOLS = (
    Command(
        "setup", "make .venv, or the environments of the named locks", "tools.venv:setup",
        (
            Option("locks", nargs="*", metavar="LOCK", help=f"one of {', '.join(venv.LOCKS)} (default: local)"),
            Option("--terraform", action="store_true", help="put Terraform into .venv as well where there is none"),
        ),
        needs_packages=False,
    ),
    Command(
        "fmt", "format the Terraform", "tools.validation:fmt",
        (Option("--check", action="store_true", help="only name the files that are not formatted, and fail if any"),),
    ),
    Command(
        "validate", "run terraform validate, and the tests of the variables' validations", "tools.validation:validate"
    ),
    Command("plan", "show what an apply would change", "tools.aws.deploy:plan", (ENV,), TERRAFORM),
    Command("apply", "change the environment in AWS", "tools.aws.deploy:apply", (ENV,), TERRAFORM),
    Command(
        "deploy", "apply, then smoke", "tools.aws.deploy:deploy",
        (ENV, Option("--smoke", nargs=argparse.REMAINDER, metavar="ARG", help="arguments of smoke, last")),
        TERRAFORM,
    ),
    Command("destroy", "say what is lost, and delete the environment", "tools.aws.deploy:destroy", (ENV,), TERRAFORM),
    Command("smoke", "prove that a deployed API works", "tools.aws.deploy:smoke", (ENV,), "tests/smoke.py"),
    Command("outputs", "print an environment's outputs", "tools.aws.deploy:outputs", (ENV,)),
    Command(
        "openapi", "write a deployed API's OpenAPI document into openapi-ENV.json", "tools.aws.deploy:openapi", (ENV,)
    ),
    Command(
        "bootstrap", "prepare an account and region: state bucket, API Gateway's log role, CI's roles",
        "tools.aws.bootstrap:bootstrap",
        (Option("--write", action="store_true", help="write the bucket's name into environments/*.s3.tfbackend"),),
        TERRAFORM,
    ),
    Command("preflight", "look for what would stop or spoil an apply", "tools.aws.preflight:preflight", (ENV,)),
    Command(
        "cost", "estimate what an environment costs a month, without asking AWS", "tools.aws.cost:cost",
        (
            Option("--env", metavar="ENV", help="the environment, as in environments/ENV.tfvars"),
            Option(
                "--var-file", type=Path, action="append", metavar="FILE", dest="var_files",
                help="another tfvars file, more than once if need be",
            ),
            Option("--requests", type=count, default=1_000_000, metavar="N", help="a month (default: %(default)s)"),
        ),
    ),
    Command(
        "release", "put new code live by degrees, or take it back if it fails", "tools.aws.release:run_release",
        (
            ENV_OR_LOCAL,
            Option("--unproven", action="store_true", help="let versions go live that met no request meanwhile"),
        ),
        TERRAFORM,
    ),
    Command("rollback", "put what was live before back, at once", "tools.aws.release:run_rollback", (ENV_OR_LOCAL,)),
    Command("live", "show what is live and what there is to go back to", "tools.aws.release:run_live", (ENV_OR_LOCAL,)),
    Command(
        "logs", "print what was logged, one line a request", "tools.aws.logs:run_logs",
        (
            ENV_OR_LOCAL,
            Option("--entity", metavar="ENTITY", help="of the functions of one entity alone"),
            Option("--function", metavar="FUNCTION", help="of one function of app/ alone"),
            Option("--request", metavar="ID", help="lines with this request id, or any other text, alone"),
            Option(
                "--since", type=period, default=600, metavar="PERIOD",
                help="how far to go back, such as 2h (default: 10m)",
            ),
            Option("--follow", "-f", action="store_true", help="go on until Ctrl-C"),
        ),
    ),
    Command(
        "run", "call a function of app/ once, with a job, a change or an event", "tools.aws.functions:run_function",
        (
            ENV_OR_LOCAL,
            FUNCTION,
            Option("--body", type=Path, metavar="FILE", help="a JSON file: the job's body, the change or the event"),
        ),
    ),
    Command(
        "redrive", "take the dead letters of a function of app/ back", "tools.aws.functions:run_redrive",
        (ENV_OR_LOCAL, FUNCTION),
    ),
    Command(
        "export", "write an entity's items into a file of JSON lines", "tools.aws.transfer:run_export",
        (
            ENV_OR_LOCAL,
            ENTITY,
            Option("--file", type=Path, metavar="FILE", help="a new file (default: ENTITY-ENV.jsonl), or - for stdout"),
            Option("--table", metavar="NAME", help="another table to read, such as one that was restored"),
        ),
    ),
    Command(
        "import", "store the items of such a file", "tools.aws.transfer:run_import",
        (
            ENV_OR_LOCAL,
            ENTITY,
            Option("--file", type=Path, is_needed=True, metavar="FILE", help="the file of JSON lines"),
            Option("--after", type=count, default=0, metavar="N", help="continue after this line"),
            Option("--as-stored", action="store_true", help="take what the API would refuse now"),
            Option("--replace", action="store_true", help="replace other items that have the same ids"),
            Option("--hooks", action="store_true", help="make new items, with the hook before_create"),
            RATE,
        ),
    ),
    Command(
        "reindex", "give stored items the keys of new filters", "tools.aws.reindex:run_reindex",
        (ENV_OR_LOCAL, ENTITY, Option("--after", metavar="ID", help="continue after this item"), RATE),
    ),
)  # fmt: skip

LAPTOP = (
    Command(
        "up", "bring the stack up, or apply a change to the running one", "tools.laptop.cli:up",
        (
            Option(
                "--var-file", type=Path, action="append", metavar="FILE", dest="var_files",
                help="variables to apply, more than once if need be (default: what ran last, at first "
                "environments/local.tfvars)",
            ),
            Option("--root", type=Path, metavar="DIR", help="Terraform of your own that calls modules/service"),
            Option("--port", type=port, metavar="N", help="where to listen (default: as what ran last, at first 4566)"),
            Option("--detach", action="store_true", help="return when it is up, and leave it running"),
            Option("--watch", action="store_true", help="bring what you save in app/, schemas/ or tfvars live at once"),
            Option("--debug", metavar="FUNCTION", help="let a function wait for a debugger, without time limits"),
            Option("--yes", action="store_true", help="delete items and users of what was removed without asking"),
        ),
    ),
    Command("status", "tell whether it runs (exit code 0) or not (3)", "tools.laptop.cli:status"),
    Command(
        "logs", "print what the functions logged", "tools.laptop.cli:logs",
        (Option("-f", "--follow", action="store_true", help="go on with what they log from now on"),),
    ),
    Command(
        "run", "call a function of the running system once", "tools.aws.run_here:run_function",
        (
            Option("function", metavar="FUNCTION", help="the function, by its key in the tfvars"),
            Option("--change", is_alternative=True, type=Path, metavar="FILE", help="a JSON file: the change"),
            Option(
                "--body", is_alternative=True, type=Path, metavar="FILE", help="a JSON file: a job's body, or an event"
            ),
        ),
    ),
    Command(
        "secret", "keep a secret's value for your functions on this machine", "tools.laptop.own_functions:run_secret",
        (Option("name", metavar="NAME", help="the secret, by its key in the tfvars' `secrets`"),),
    ),
    Command("outputs", "print Terraform's outputs and the API keys as JSON", "tools.laptop.cli:outputs"),
    Command("env", "print exports of URL, KEY and CONSOLE for a shell to evaluate", "tools.laptop.cli:env"),
    Command(
        "token", "print an access token of a user, of the stack's user pool or of the laptop's issuer",
        "tools.laptop.cli:token",
        (
            Option("--user", required=True, metavar="NAME", help="who signs in, made if need be"),
            Option(
                "--group", action="append", default=[], metavar="G", dest="groups",
                help="a group of the user, more than once if need be; in a user pool the user stays in it",
            ),
            Option(
                "--claim", action="append", type=claim, default=[], metavar="K=V", dest="claims",
                help="a further claim of this token, more than once if need be (in AWS a trigger of the pool adds it)",
            ),
            Option(
                "--scope", action="append", type=scope, default=[], metavar="S", dest="scopes",
                help="a scope of a token of the laptop's issuer, more than once if need be",
            ),
            Option(
                "--expires", type=lifetime, metavar="N",
                help="seconds that a token of the laptop's issuer is good for (default: 3600)",
            ),
            Option(
                "--issuer", choices=("cognito", "jwt"),
                help="cognito for the user pool, jwt for the laptop's issuer (default: the one there is, else cognito)",
            ),
        ),
    ),
    Command(
        "emulator", "start an empty emulated AWS for make deploy ENV=dev and the like; print its exports",
        "tools.laptop.cli:emulator",
        (
            Option("--port", type=port, metavar="N", help="where to listen (default: 4567)"),
            Option("--region", default="us-west-2", help="the region that is exported (default: %(default)s)"),
            Option("--detach", is_alternative=True, action="store_true", help="return when it answers"),
            Option("--env", is_alternative=True, action="store_true", help="print the exports of the one that runs"),
            Option("--stop", is_alternative=True, action="store_true", help="stop it, and delete its data"),
        ),
    ),
    Command(
        "down", "stop the stack; its data stays for the next time", "tools.laptop.cli:down",
        (Option("--purge", action="store_true", help="delete its data, too"),),
    ),
)  # fmt: skip

ABOUT = {
    "local.py": "Run the API on this machine, without AWS.",
    "python -m tools": "Deploy and operate environments. make calls these commands: see make help.",
}


def parser(program: str, commands: Sequence[Command]) -> argparse.ArgumentParser:
    """Return the parser of a program's commands; its options name the command as `command`."""
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
    """Return the options of a command line; raise UserError if one is missing.

    Besides its own, a command finds there `arguments`, which it forwards, and `progress`, which shows its steps.
    """
    check_spelling(program, commands, arguments)
    options, rest = parser(program, commands).parse_known_args(arguments)
    command: Command = options.command
    if rest and not command.forwards_to:
        raise UserError(
            f"{program} {command.name} takes no argument {rest[0]}: run `{program} {command.name} --help`.", exit_code=2
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
    """Raise UserError if the command or a long option is unknown, with the one that was probably meant.

    An option of a program that gets further arguments passes, unless it is almost one of the command's own.
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
        if command.forwards_to and not nearest(flag, flags, ALMOST):
            continue
        remedy = correction(flag, flags, f"run `{program} {word} --help`, which lists them")
        raise UserError(f"{program} {word} has no option {flag}: {remedy}", exit_code=2)


def examples_of(environment: str) -> dict[str, str]:
    """Return an example of each option that has to be given, of what there is."""
    environment = environment or example_environment()
    entity = example_entity(environment)
    function = example_function(environment)
    return {"ENV": environment, "ENTITY": entity, "FILE": f"{entity}.jsonl", "FUNCTION": function}


def interrupt(number: int, _frame: FrameType | None) -> None:
    """Treat a signal like Ctrl-C, and ignore further ones, which would interrupt the cleaning up."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt(number)


@user_errors
def main(program: str, script: Path, commands: Sequence[Command], arguments: Sequence[str]) -> int:
    """Run a command, in .venv if it needs packages; return its exit code."""
    options = parse(program, commands, arguments)
    command: Command = options.command
    if command.needs_packages:
        venv.enter(script, arguments)
    # A plain `kill` and a closed terminal end a command as gracefully as Ctrl-C, but under nohup, and where a
    # shell's background job is to ignore them.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, interrupt)
    return run(options)


def run(options: argparse.Namespace) -> int:
    """Run the handler of a command; raise what AWS refuses as UserError."""
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
    """Return the environment that ENV= names; raise UserError if there is none."""
    if name == "local":
        from tools.laptop.environment import LocalEnvironment  # noqa: PLC0415 - it drops the user's AWS settings

        return LocalEnvironment(progress)
    from tools.aws.environment import AwsEnvironment  # noqa: PLC0415 - boto3 takes a third of a second

    return AwsEnvironment(name, progress)


def explain(error: Exception, options: argparse.Namespace) -> str | None:
    """Return what to say of an error of AWS or the emulator, or None for any other."""
    if isinstance(error, OSError) and not isinstance(error, BrokenPipeError) and options.command in LAPTOP:
        return explain_os_error(error)
    # Only what has imported it raises its errors.
    if not (known := sys.modules.get("botocore.exceptions")):
        return None
    name = getattr(options, "env", None)
    if isinstance(error, known.BotoCoreError | known.ClientError):
        if options.command in LAPTOP or name == "local":
            return f"The emulator does not answer: {error}"
        from tools.aws.errors import explain_aws_error  # noqa: PLC0415 - as above

        return explain_aws_error(error, f"Run `make preflight ENV={name}` to see why.")
    return None
