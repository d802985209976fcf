"""Release new versions of the functions by degrees, take them back, and show which are live.

A release applies with the aliases pinned where they are, so nobody meets the new versions; gives these a part
of the requests (the variable `release`), watches the environment's alarms and the functions' logs, and then
gives them all requests or none: exit code 1 when it took them back, as it does where one of them met no
request, unless --unproven says that nobody sends any.
A rollback puts what was live before back, at once and without Terraform; while a release is being tried, it
takes that back, and what stopped half way it brings to its end.
"""

from __future__ import annotations

import argparse
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC

from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from tools.aws.errors import explain_aws_error
from tools.aws.monitor import Monitor
from tools.aws.versions import (
    HISTORY_LENGTH,
    Alias,
    Canary,
    Functions,
    Record,
    Release,
    Versions,
    now,
    versions_before_last_deployment,
)
from tools.console import print_lines, print_note, table_row
from tools.environment import Environment
from tools.errors import UserError
from tools.terraform import ROOT, Progress

CHECKS = 20  # at alarms and logs while a release is tried, unless that is more often or more seldom than:
SHORTEST_INTERVAL, LONGEST_INTERVAL = 0.5, 15.0  # seconds


@dataclass(frozen=True)
class ReleaseSettings:
    """The variable `release`: how many faults, in how many minutes, at how many percent of the requests."""

    faults: int
    minutes: float
    percent: int


@dataclass
class CanaryRun:
    """New versions of functions, which are tried and then promoted or taken back."""

    environment: Environment
    functions: Functions
    record: Record
    before: Release
    candidates: Versions
    settings: ReleaseSettings
    progress: Progress
    sleep: Callable[[float], None]
    unproven: bool

    def run(self) -> str | None:
        """Return why the versions were taken back, or None when they answer all requests now."""
        try:
            canary = Canary(now(), self.candidates, self.settings.percent)
            monitor = Monitor(self.environment, self.functions, self.before.versions, canary, self.settings.faults)
            if monitor.before:
                self.progress(f"Going off already, and so not watched: {', '.join(sorted(monitor.before))}.")
            if incomparable := monitor.incomparable_functions():
                why = "log_level keeps them out" if self.settings.percent < 100 else "no other version answers"
                self.progress(f"Answers of 4xx are not compared ({why}): {', '.join(incomparable)}.")
            self.record.canary = canary
            self.record.write()
            self.functions.point_aliases(self.before.versions, canary)
            self.announce()
            reason = self.watch_candidates(monitor)
            unreached = [] if reason or not self.settings.minutes else monitor.untested_functions()
        except BaseException:
            self.progress("Taking back ...")
            restore_live(self.record, self.functions)
            raise
        # A job may come once a night, and no release waits for it.
        if (unproven := [name for name in unreached if name not in self.functions.workers]) and not self.unproven:
            # One that cannot even start is as quiet as this.
            reason = (
                f"{', '.join(unproven)} met no request, and nothing else proves new code. Send some while "
                "it is tried, or add ARGS=--unproven."
            )
        if reason:
            restore_live(self.record, self.functions)
            return reason
        if unreached:
            self.progress(f"Met no request or job, and so not proven: {', '.join(unreached)}.")
        self.record.history = [self.before, *self.record.history][:HISTORY_LENGTH]
        self.record.live = Release(now(), {**self.before.versions, **self.candidates})
        restore_live(self.record, self.functions)
        return None

    def announce(self) -> None:
        """Say which versions answer now, and how much."""
        workers = {name: version for name, version in self.candidates.items() if name in self.functions.workers}
        others = {name: version for name, version in self.candidates.items() if name not in workers}
        minutes, live = f"for {self.settings.minutes:g} minutes", self.before.versions
        if others:
            self.progress(f"{self.settings.percent} % of the requests {minutes}: {format_changes(live, others)}.")
        if workers:
            self.progress(f"All jobs, events and changes, watched {minutes}: {format_changes(live, workers)}.")

    def watch_candidates(self, monitor: Monitor) -> str | None:
        """Look until the time is over; return why the versions must be taken back, or None."""
        began = time.monotonic()
        seconds = self.settings.minutes * 60
        every = min(max(seconds / CHECKS, SHORTEST_INTERVAL), LONGEST_INTERVAL)
        while True:
            passed = time.monotonic() - began
            if reason := monitor.check() or self.find_interference():
                return reason
            self.progress(f"[{min(passed, seconds):.0f} of {seconds:.0f} s] {len(monitor.all_faults())} faults")
            if passed >= seconds:
                return None
            self.sleep(min(every, seconds - passed))

    def find_interference(self) -> str | None:
        """Return that somebody else has moved the aliases meanwhile, by a rollback; or None."""
        aliases = self.functions.aliases()
        if all(
            name in aliases
            and (
                aliases[name].version == version if name in self.functions.workers else version in aliases[name].weights
            )
            for name, version in self.candidates.items()
        ):
            return None
        return "somebody did so from elsewhere."


@contextmanager
def ignore_signals() -> Iterator[None]:
    """Let nothing stop what runs within: a second Ctrl-C, from impatience, would leave it half done."""
    numbers = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, signal.SIG_IGN) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def release(
    environment: Environment,
    progress: Progress,
    arguments: list[str],
    sleep: Callable[[float], None] = time.sleep,
    *,
    unproven: bool = False,
) -> int:
    """Release what is newest after an apply; return 0, or 1 when it was taken back.

    unproven: let versions go live that met no request while they were candidates.
    """
    record = Record.read(environment.live_file)
    before = find_functions(environment, record).aliases()
    check_deployed(environment, before)
    if record.canary or any(alias.weights for alias in before.values()):
        raise UserError(
            "A release is being tried already: wait until it is through, or say "
            f"`make rollback ENV={environment.name}`."
        )
    check_known(environment, record, before)
    is_first, candidates = record.live is None, Versions()
    record_live(record, find_functions(environment, record), before)
    try:
        if environment.apply(arguments):
            raise UserError(
                "Nothing was released: the apply did not come to its end, and live is what was. Put right "
                f"what Terraform named, then run `make release ENV={environment.name}` again."
            )
        # Functions that this very apply has made are live with their first version.
        functions = find_functions(environment, record)
        aliases = functions.aliases()
        live = record_live(record, functions, aliases)
        newest = {name: str(max(functions.published_versions(name))) for name in aliases}
        candidates = {name: version for name, version in newest.items() if version != live.versions[name]}
    finally:
        # Else the next deploy would put no code live, and nobody would know why.
        if is_first and not candidates:
            record.path.unlink(missing_ok=True)
    if not candidates:
        progress("What is live is the newest: there is nothing to release.")
        return 0
    functions.wait_for(candidates)
    reason = CanaryRun(
        environment,
        functions,
        record,
        live,
        candidates,
        ReleaseSettings(**environment.release_settings()),
        progress,
        sleep,
        unproven,
    ).run()
    progress(f"Taken back: {reason}" if reason else "Released: the new versions answer all requests.")
    try:
        if deleted := functions.prune([*([record.live] if record.live else []), *record.history]):
            progress(f"Old versions deleted: {deleted}.")
    except (BotoCoreError, ClientError) as error:
        progress(f"Old versions are left for the next release to delete: {error}")
    return 1 if reason else 0


def restore_live(record: Record, functions: Functions) -> None:
    """Let what is live answer all requests."""
    assert record.live
    record.canary = None
    with ignore_signals():
        record.write()
        functions.point_aliases(record.live.versions)


def rollback(environment: Environment, progress: Progress) -> int:
    """Put what was live before back; while a release is being tried, take that back.

    What stopped half way, a release or a rollback, leaves aliases at versions that the file knows as well.
    """
    record = Record.read(environment.live_file)
    # What was made since the last release is live with its newest version, and stays so.
    names = recorded_functions(record) or environment.function_names()
    functions = Functions(environment.client("lambda"), frozenset(names))
    aliases = functions.aliases()
    check_deployed(environment, aliases)
    check_known(environment, record, aliases, record.canary, record.leaving, *record.history[:1])
    live = {name: alias.version for name, alias in aliases.items()}
    written = record.live or Release(now(), live)
    published = {name: functions.published_versions(name) for name in live}
    is_live = all(written.versions.get(name, version) == version for name, version in live.items())
    is_canary_running = bool(record.canary) or (is_live and any(alias.weights for alias in aliases.values()))
    leaving = record.leaving or written
    if is_canary_running or record.leaving:
        wanted = written
    elif not record.live:
        wanted = Release(now(), versions_before_last_deployment(live, published))
    elif record.history:
        wanted = record.history.pop(0)
    else:
        raise UserError(f"There is nothing to go back to: {environment.live_file.name} remembers no release before.")
    # What was not there then, or is not there any more, stays.
    back = {
        name: version
        for name, version in wanted.versions.items()
        if name in live and (version != live[name] or aliases[name].weights) and int(version) in published[name]
    }
    if wanted is not written:
        if not back:
            raise UserError("There is nothing to go back to: no function has an older version that was live.")
        check_ready(environment, functions, back, progress)
        written = Release(now(), {**live, **back})
    record.live, record.canary = written, None
    record.leaving = Release(now(), {name: live[name] for name in back})
    with ignore_signals():
        record.write()
        functions.point_aliases(back)
        record.leaving = None
        record.write()
    if is_canary_running:
        progress("The release that was being tried is taken back.")
    else:
        progress(f"Rolled back: {format_changes(leaving.versions, back or wanted.versions)}.")
    return 0


def check_ready(environment: Environment, functions: Functions, versions: Versions, progress: Progress) -> None:
    """Stop where a version cannot come to life, and say which of them have to be woken."""
    found = {name: functions.configuration(name, version) for name, version in versions.items()}
    for name, each in found.items():
        if each.get("State") == "Failed":
            raise UserError(
                f"Nothing was moved: {name} {versions[name]} cannot answer, as its State is Failed "
                f"({each.get('StateReason', 'no reason given')}). Check out the commit it was made of, and "
                f"say `make release ENV={environment.name}`."
            )
    if asleep := [name for name, each in found.items() if each.get("State") in ("Inactive", "Pending")]:
        progress(
            f"Not used for long, and so put away by Lambda: {', '.join(asleep)}. Their requests fail until "
            "they are back: the first one begins it, and it takes seconds, or minutes with snap_start."
        )


def show(environment: Environment) -> int:
    """Print what is live, since when, and what there is to go back to."""
    record, unread = Record.read(environment.live_file), ""
    try:
        found = find_functions(environment, record)
    except UserError as error:
        if not record.live:
            raise
        found = Functions(environment.client("lambda"), frozenset(recorded_functions(record)))
        unread = f"Functions that were made since then are not listed: {error}"
    aliases = found.aliases()
    check_deployed(environment, aliases)
    live = {name: alias.version for name, alias in aliases.items()}
    published = {name: found.published_versions(name) for name in live}
    since = f"since {record.live.since}" if record.live else "the newest versions, as no release was made"
    widths = (2, max(len(name) for name in live) + 2, 6, 22, 8, 0)
    header = table_row(("", "function", "live", "published", "newest", "tried"), widths)
    lines = [f"Live in {environment.system}: {since}.", header]
    for name, alias in aliases.items():
        at = published[name].get(int(alias.version))
        tried = ", ".join(f"{version} ({weight:.0%})" for version, weight in alias.weights.items())
        when = f"{at:%Y-%m-%d %H:%M:%SZ}" if at else "unknown"
        lines.append(table_row(("", name, alias.version, when, str(max(published[name])), tried), widths))
    if record.live:
        back = [f"  {each.since}: {format_changes(live, each.versions)}" for each in record.history]
    else:
        before = versions_before_last_deployment(live, published)
        back = [f"  before the last deployment: {format_changes(live, before)}"] if before else []
    lines += ["To go back to:", *(back or ["  nothing"])]
    if record.live and (young := sorted(live.keys() - record.live.versions.keys())):
        lines.append(f"Made since then, and so the newest at each apply: {', '.join(young)}.")
    if unread:
        lines.append(unread)
    if record.leaving or (record.live and record.live.versions.items() - live.items()):
        lines.append(f"{environment.live_file.name} says otherwise: say `{environment.apply_command}` if it is right.")
    print_lines(lines)
    return 0


def format_changes(live: Versions, other: Versions) -> str:
    """Return what changes between two sets of versions."""
    changed = {name: version for name, version in other.items() if live.get(name, version) != version}
    return ", ".join(f"{name} {live[name]} -> {version}" for name, version in changed.items()) or "the same"


def find_functions(environment: Environment, record: Record) -> Functions:
    """Return the functions: those in Terraform's outputs, and those that were live at the last release."""
    names = frozenset(environment.function_names() | recorded_functions(record))
    return Functions(environment.client("lambda"), names, frozenset(environment.worker_names()))


def recorded_functions(record: Record) -> set[str]:
    """Return the functions that were live at the last release; none without a release."""
    return set(record.live.versions) if record.live else set()


def record_live(record: Record, found: Functions, aliases: dict[str, Alias]) -> Release:
    """Write down what is live, and return it."""
    live = {name: alias.version for name, alias in aliases.items()}
    if record.live:
        since = record.live.since
    else:
        times = [found.published_versions(name)[int(version)] for name, version in live.items()]
        since = f"{max(times).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    record.live = Release(since, live)
    record.write()
    return record.live


def check_deployed(environment: Environment, aliases: dict[str, Alias]) -> None:
    """Stop where there is no function."""
    if not aliases:
        raise UserError(
            f"There is no function of {environment.system} to be seen: say `make deploy ENV={environment.name}` first, "
            "or check whose credentials these are (aws sts get-caller-identity)."
        )


def check_known(environment: Environment, record: Record, aliases: dict[str, Alias], *others: Release | None) -> None:
    """Stop when an alias is where neither the file's live versions nor the others have it."""
    if record.live is None:
        return
    known = record.live.versions
    for name, alias in aliases.items():
        versions = [each.versions.get(name) for each in (record.live, *others) if each]
        if name in known and alias.version not in versions:
            raise UserError(
                f"{environment.live_file.name} is not what is live: {name} is {alias.version} and not {known[name]}. "
                "Take the file of the last release from version control; or, if it is right, say "
                f"`{environment.apply_command}`; or delete it, to go by what there is."
            )


def run_release(options: argparse.Namespace) -> int:
    """Release, and show what is live then."""
    environment: Environment = options.environment
    environment.prepare()
    with explain_failures(environment):
        code = release(environment, options.progress, options.arguments, unproven=options.unproven)
    return show_result(environment, code)


def run_rollback(options: argparse.Namespace) -> int:
    """Roll back, and show what is live then."""
    environment: Environment = options.environment
    with explain_failures(environment):
        code = rollback(environment, options.progress)
    return show_result(environment, code)


def run_live(options: argparse.Namespace) -> int:
    """Show what is live."""
    environment: Environment = options.environment
    with explain_failures(environment):
        return show(environment)


def show_result(environment: Environment, code: int) -> int:
    """Show what is live, and that the file belongs into version control; return the code."""
    with explain_failures(environment):
        show(environment)
    if environment.name != "local" and environment.live_file.exists():
        print_note(f"Commit {environment.live_file.relative_to(ROOT)}: the next apply goes by it.")
    return code


@contextmanager
def explain_failures(environment: Environment) -> Iterator[None]:
    """Raise what AWS refuses within as UserError, with the way to go on."""
    try:
        yield
    except (BotoCoreError, ClientError, WaiterError) as error:
        file = environment.live_file.name
        again = f"Repeat the command, or run `{environment.apply_command}` to go by what {file} says."
        raise UserError(explain_aws_error(error, again)) from error
