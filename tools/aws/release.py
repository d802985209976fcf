"""Ship new versions of the functions by degrees, take them back, and show which are live.

`python -m tools.aws.release ship ENV` applies with the aliases pinned where they are, so nobody meets the new
versions; gives these a part of the requests (the variable `release`), watches the environment's alarms and
the functions' logs, and then gives them all requests or none: exit code 1 when it took them back, as it
does where one of them met no request, unless --unproven says that nobody sends any. Further arguments go to
`terraform apply`.
`python -m tools.aws.release rollback ENV` puts what was live before back, at once and without Terraform; while a
release is being tried, it takes that back, and what stopped half way it brings to its end.
`python -m tools.aws.release show ENV` shows what is live.

ENV is an environment in AWS, or `local`: what runs on this machine.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from tools import tfvars
from tools.aws.deployed import facts_of, refusal
from tools.aws.monitor import Watch
from tools.aws.redeploy import Routes
from tools.aws.versions import REMEMBERED, Alias, Canary, Functions, Record, Release, Versions, before_last, now
from tools.errors import UserError, user_errors
from tools.laptop import systems
from tools.laptop.cli import Console, interrupt
from tools.laptop.emulator import client as local_client
from tools.terraform import ROOT, Progress, attended, find_terraform

LOOKS = 20  # at alarms and logs while a release is tried, unless that is more often or more seldom than:
OFTENEST, SELDOMEST = 0.5, 15.0  # seconds

OPERATIONS = ("create", "delete", "entity", "get", "list", "merge", "replace")


@dataclass(frozen=True)
class How:
    """The variable `release`: how many faults, in how many minutes, at how many percent of the requests."""

    faults: int
    minutes: float
    percent: int


class Place(Protocol):
    """Where an environment is."""

    name: str  # of what one says to make: ENV
    system: str  # NAME-ENVIRONMENT
    file: Path  # says which versions are live
    to_apply: str  # the command that points the aliases where the file says

    def client(self, service: str) -> Any:
        """Return a client of a service."""

    def names(self) -> set[str]:
        """Return the names that its functions may have."""

    def apply(self) -> None:
        """Build, and apply the configuration."""

    def how(self) -> How:
        """Return how to release here."""


class Cloud:
    """An environment in AWS.

    Its functions' names come from the tfvars: a rollback does not wait for Terraform.
    """

    def __init__(self, name: str, arguments: Sequence[str] = ()) -> None:
        """Read the tfvars of the environment; the arguments are for `terraform apply`."""
        self.name = name
        self.to_apply = f"make apply ENV={name}"
        self.arguments = arguments
        self.var_file = f"environments/{name}.tfvars"
        if not (ROOT / self.var_file).is_file():
            raise UserError(f"There is no {self.var_file}: write it first.")
        values = tfvars.read(ROOT / self.var_file) or {}
        self.values = {"region": tfvars.default("region"), **values}
        written = [self.values.get(key) for key in ("name", "environment", "region")]
        if not all(isinstance(each, str) and "${" not in each for each in written):
            raise UserError(f"{self.var_file} cannot be read here: write name, environment and region out in it.")
        prefix, environment, self.region = (str(each) for each in written)
        self.system = f"{prefix}-{environment}"
        self.file = ROOT / "environments" / f"{environment}.live.json"

    def client(self, service: str) -> Any:
        """Return a client that waits out AWS's rate limits."""
        retries = Config(retries={"mode": "adaptive", "total_max_attempts": 10})
        # The stubs know clients by literal names alone.
        return boto3.client(service, region_name=self.region, config=retries)  # type: ignore[call-overload]

    def names(self) -> set[str]:
        """Return the names that functions of the entities have."""
        entities = self.values.get("entities")
        if not isinstance(entities, dict):
            return set()
        prefix, environment = self.values["name"], self.values["environment"]
        return {f"{prefix}-{entity}-{operation}-{environment}" for entity in entities for operation in OPERATIONS}

    def apply(self) -> None:
        """Apply what make has built and initialised; Terraform asks for approval unless told otherwise."""
        inputs = [f"-var-file={self.var_file}", *self.arguments]
        routes = Routes(ROOT)
        routes.remember()
        if attended([str(find_terraform()), "apply", *inputs]):
            raise UserError(
                "Nothing was released: the apply did not come to its end, and live is what was. Put right "
                f"what Terraform named, then run `make release ENV={self.name}` again."
            )
        routes.finish(inputs)

    def how(self) -> How:
        """Ask Terraform, which knows the defaults."""
        return How(**facts_of(self.name)["release"])


class Laptop:
    """What runs on this machine."""

    name = "local"

    def __init__(self) -> None:
        """Find what runs."""
        self.systems = systems.here(Console())
        self.stack = self.systems.current()
        self.running = self.stack.running()
        self.system = "{name}-{environment}".format(**self.stack.settings)
        self.file = self.stack.live_file
        files = (f"--var-file {tfvars.named(file)}" for file in self.stack.var_files)
        self.to_apply = " ".join(["python local.py up --detach", *files])

    def client(self, service: str) -> Any:
        """Return a client of the emulator's service."""
        return local_client(service, self.running)

    def names(self) -> set[str]:
        """Return the functions' names."""
        return {name for each in self.stack.outputs()["function_names"].values() for name in each.values()}

    def apply(self) -> None:
        """Build and apply with the variables that it was brought up with."""
        self.running = self.systems.again()

    def how(self) -> How:
        """Return what was known when it was applied."""
        return How(**self.stack.settings["release"])


@dataclass
class Trial:
    """New versions of functions, which are tried and then promoted or taken back."""

    place: Place
    moved: Functions
    record: Record
    before: Release
    tried: Versions
    how: How
    say: Progress
    sleep: Callable[[float], None]
    unproven: bool

    def run(self) -> str | None:
        """Return why the versions were taken back, or None when they answer all requests now."""
        try:
            canary = Canary(now(), self.tried, self.how.percent)
            watch = Watch(self.place, self.moved, self.before.versions, canary, self.how.faults)
            if watch.before:
                self.say(f"Going off already, and so not watched: {', '.join(sorted(watch.before))}.")
            if uncompared := watch.uncompared():
                why = "log_level keeps them out" if self.how.percent < 100 else "no other version answers"
                self.say(f"Answers of 4xx are not compared ({why}): {', '.join(uncompared)}.")
            self.record.canary = canary
            self.record.write()
            self.moved.move(self.before.versions, canary)
            changed = listed(self.before.versions, self.tried)
            self.say(f"{self.how.percent} % of the requests for {self.how.minutes:g} minutes: {changed}.")
            reason = self.watched(watch)
            unreached = [] if reason or not self.how.minutes else watch.unreached()
        except BaseException:
            self.say("Taking back ...")
            settle(self.record, self.moved)
            raise
        if unreached and not self.unproven:
            # One that cannot even start is as quiet as this.
            reason = (
                f"{', '.join(unreached)} met no request, and nothing else proves new code. Send some while "
                "it is tried, or add ARGS=--unproven."
            )
        if reason:
            settle(self.record, self.moved)
            return reason
        if unreached:
            self.say(f"Met no request, and so not proven: {', '.join(unreached)}.")
        self.record.history = [self.before, *self.record.history][:REMEMBERED]
        self.record.live = Release(now(), {**self.before.versions, **self.tried})
        settle(self.record, self.moved)
        return None

    def watched(self, watch: Watch) -> str | None:
        """Look until the time is over; return why the versions must be taken back, or None."""
        began = time.monotonic()
        seconds = self.how.minutes * 60
        every = min(max(seconds / LOOKS, OFTENEST), SELDOMEST)
        while True:
            passed = time.monotonic() - began
            if reason := watch.look() or self.interfered():
                return reason
            if passed >= seconds:
                return None
            self.say(f"[{passed:.0f} of {seconds:.0f} s] {len(watch.found())} faults")
            self.sleep(min(every, seconds - passed))

    def interfered(self) -> str | None:
        """Return that somebody else has moved the aliases meanwhile, by a rollback; or None."""
        aliases = self.moved.aliases()
        if all(name in aliases and version in aliases[name].weights for name, version in self.tried.items()):
            return None
        return "somebody did so from elsewhere."


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let nothing stop what runs within: a second Ctrl-C, from impatience, would leave it half done."""
    numbers = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, signal.SIG_IGN) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def ship(place: Place, say: Progress, sleep: Callable[[float], None] = time.sleep, *, unproven: bool = False) -> int:
    """Release what is newest after an apply; return 0, or 1 when it was taken back.

    unproven: let versions go live that met no request while they were tried.
    """
    record = Record.read(place.file)
    before = functions(place, record).aliases()
    check_deployed(place, before)
    if record.canary or any(alias.weights for alias in before.values()):
        raise UserError(
            f"A release is being tried already: wait until it is through, or say `make rollback ENV={place.name}`."
        )
    check_known(place, record, before)
    is_first, tried = record.live is None, Versions()
    pin(record, functions(place, record), before)
    try:
        place.apply()
        # Functions that this very apply has made are live with their first version.
        moved = functions(place, record)
        aliases = moved.aliases()
        live = pin(record, moved, aliases)
        newest = {name: str(max(moved.published(name))) for name in aliases}
        tried = {name: version for name, version in newest.items() if version != live.versions[name]}
    finally:
        # Else the next deploy would put no code live, and nobody would know why.
        if is_first and not tried:
            record.path.unlink(missing_ok=True)
    if not tried:
        say("What is live is the newest: there is nothing to release.")
        return 0
    moved.wait_for(tried)
    reason = Trial(place, moved, record, live, tried, place.how(), say, sleep, unproven).run()
    say(f"Taken back: {reason}" if reason else "Released: the new versions answer all requests.")
    try:
        if deleted := moved.prune([*([record.live] if record.live else []), *record.history]):
            say(f"Old versions deleted: {deleted}.")
    except (BotoCoreError, ClientError) as error:
        say(f"Old versions are left for the next release to delete: {error}")
    return 1 if reason else 0


def settle(record: Record, moved: Functions) -> None:
    """Let what is live answer all requests."""
    assert record.live
    record.canary = None
    with uninterrupted():
        record.write()
        moved.move(record.live.versions)


def rollback(place: Place, say: Progress) -> int:
    """Put what was live before back; while a release is being tried, take that back.

    What stopped half way, a release or a rollback, leaves aliases at versions that the file knows as well.
    """
    record = Record.read(place.file)
    moved = functions(place, record)
    aliases = moved.aliases()
    check_deployed(place, aliases)
    check_known(place, record, aliases, record.canary, record.leaving, *record.history[:1])
    live = {name: alias.version for name, alias in aliases.items()}
    written = record.live or Release(now(), live)
    published = {name: moved.published(name) for name in live}
    is_live = all(written.versions.get(name, version) == version for name, version in live.items())
    is_tried = bool(record.canary) or (is_live and any(alias.weights for alias in aliases.values()))
    leaving = record.leaving or written
    if is_tried or record.leaving:
        wanted = written
    elif not record.live:
        wanted = Release(now(), before_last(live, published))
    elif record.history:
        wanted = record.history.pop(0)
    else:
        raise UserError(f"There is nothing to go back to: {place.file.name} remembers no release before.")
    # What was not there then, or is not there any more, stays.
    back = {
        name: version
        for name, version in wanted.versions.items()
        if name in live and (version != live[name] or aliases[name].weights) and int(version) in published[name]
    }
    if wanted is not written:
        if not back:
            raise UserError("There is nothing to go back to: no function has an older version that was live.")
        check_ready(place, moved, back, say)
        written = Release(now(), {**live, **back})
    record.live, record.canary = written, None
    record.leaving = Release(now(), {name: live[name] for name in back})
    with uninterrupted():
        record.write()
        moved.move(back)
        record.leaving = None
        record.write()
    if is_tried:
        say("The release that was being tried is taken back.")
    else:
        say(f"Rolled back: {listed(leaving.versions, back or wanted.versions)}.")
    return 0


def check_ready(place: Place, moved: Functions, versions: Versions, say: Progress) -> None:
    """Stop where a version cannot come to life, and say which of them have to be woken."""
    found = {name: moved.configuration(name, version) for name, version in versions.items()}
    for name, each in found.items():
        if each.get("State") == "Failed":
            raise UserError(
                f"Nothing was moved: {name} {versions[name]} cannot answer, as its State is Failed "
                f"({each.get('StateReason', 'no reason given')}). Check out the commit it was made of, and "
                f"say `make release ENV={place.name}`."
            )
    if asleep := [name for name, each in found.items() if each.get("State") in ("Inactive", "Pending")]:
        say(
            f"Not used for long, and so put away by Lambda: {', '.join(asleep)}. Their requests fail until "
            "they are back: the first one begins it, and it takes seconds, or minutes with snap_start."
        )


def show(place: Place) -> int:
    """Print what is live, since when, and what there is to go back to."""
    record = Record.read(place.file)
    found = functions(place, record)
    aliases = found.aliases()
    check_deployed(place, aliases)
    live = {name: alias.version for name, alias in aliases.items()}
    published = {name: found.published(name) for name in live}
    since = f"since {record.live.since}" if record.live else "the newest versions, as no release was made"
    width = max(len(name) for name in live)
    lines = [
        f"Live in {place.system}: {since}.",
        f"  {'function':<{width}}  live  published             newest  tried",
    ]
    for name, alias in aliases.items():
        at = published[name].get(int(alias.version))
        tried = ", ".join(f"{version} ({weight:.0%})" for version, weight in alias.weights.items())
        row = f"{name:<{width}}  {alias.version:<4}  {f'{at:%Y-%m-%d %H:%M:%SZ}' if at else 'unknown':<20}  "
        lines.append(f"  {row}{max(published[name]):<6}  {tried}".rstrip())
    if record.live:
        back = [f"  {each.since}: {listed(live, each.versions)}" for each in record.history]
    else:
        before = before_last(live, published)
        back = [f"  before the last deployment: {listed(live, before)}"] if before else []
    lines += ["To go back to:", *(back or ["  nothing"])]
    if record.live and (young := sorted(live.keys() - record.live.versions.keys())):
        lines.append(f"Made since then, and so the newest at each apply: {', '.join(young)}.")
    if record.leaving or (record.live and record.live.versions.items() - live.items()):
        lines.append(f"{place.file.name} says otherwise: say `{place.to_apply}` if it is right.")
    tell(lines)
    return 0


def tell(lines: Sequence[str]) -> None:
    """Print, to somebody who may have read enough, as in `make live | head -1`."""
    try:
        print(*lines, sep="\n", flush=True)
    except BrokenPipeError:
        # What Python has not got rid of it would try again, and complain, at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def listed(live: Versions, other: Versions) -> str:
    """Return what changes between two sets of versions."""
    changed = {name: version for name, version in other.items() if live.get(name, version) != version}
    return ", ".join(f"{name} {live[name]} -> {version}" for name, version in changed.items()) or "the same"


def functions(place: Place, record: Record) -> Functions:
    """Return the functions that there may be: by configuration, and by what was live once."""
    known = set(record.live.versions) if record.live else set()
    return Functions(place.client("lambda"), frozenset(place.names() | known))


def pin(record: Record, found: Functions, aliases: dict[str, Alias]) -> Release:
    """Write down what is live, and return it."""
    live = {name: alias.version for name, alias in aliases.items()}
    if record.live:
        since = record.live.since
    else:
        times = [found.published(name)[int(version)] for name, version in live.items()]
        since = f"{max(times).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    record.live = Release(since, live)
    record.write()
    return record.live


def check_deployed(place: Place, aliases: dict[str, Alias]) -> None:
    """Stop where there is no function."""
    if not aliases:
        raise UserError(
            f"There is no function of {place.system} to be seen: say `make deploy ENV={place.name}` first, "
            "or check whose credentials these are (aws sts get-caller-identity)."
        )


def check_known(place: Place, record: Record, aliases: dict[str, Alias], *others: Release | None) -> None:
    """Stop when an alias is where neither the file's live versions nor the others have it."""
    if record.live is None:
        return
    known = record.live.versions
    for name, alias in aliases.items():
        versions = [each.versions.get(name) for each in (record.live, *others) if each]
        if name in known and alias.version not in versions:
            raise UserError(
                f"{place.file.name} is not what is live: {name} is {alias.version} and not {known[name]}. "
                "Take the file of the last release from version control; or, if it is right, say "
                f"`{place.to_apply}`; or delete it, to go by what there is."
            )


def main(arguments: Sequence[str]) -> int:
    """Run a command; return its exit code."""
    if len(arguments) < 2 or arguments[0] not in ("rollback", "ship", "show"):
        print(__doc__, file=sys.stderr)
        return 2
    command, name, *more = arguments
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    try:
        unproven = "--unproven" in more
        rest = [argument for argument in more if argument != "--unproven"]
        place: Place = Laptop() if name == "local" else Cloud(name, rest)
        say = Console()
        if command == "show":
            return show(place)
        code = ship(place, say, unproven=unproven) if command == "ship" else rollback(place, say)
        show(place)
        if not isinstance(place, Laptop) and place.file.exists():
            print(f"Commit {place.file.relative_to(ROOT)}: the next apply goes by it.", file=sys.stderr)
        return code
    except UserError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except (BotoCoreError, ClientError, WaiterError) as error:
        remedy = f"Say it again, or `{place.to_apply}` to go by what {place.file.name} says."
        print(refusal(error, remedy), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(user_errors(main)(sys.argv[1:]))
