"""Release new versions of the functions as a canary, roll them back, and show which are live.

A release applies with the aliases pinned to the live versions, so that the new versions receive no
requests. It then sends the new versions a part of the requests (the variable `release`), watches the
environment's alarms and the functions' logs, and finally promotes the new versions or rolls them
back. The exit code is 1 after a rollback. If a version received no requests, the release is also
rolled back, unless --unproven is given.

A rollback restores the previous release at once, without Terraform. During a canary it cancels the
canary instead. If an earlier rollback was interrupted, it completes that one.
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

# A canary checks alarms and logs CHECKS times, but with an interval within these bounds in seconds.
CHECKS = 20
SHORTEST_INTERVAL, LONGEST_INTERVAL = 0.5, 15.0


@dataclass(frozen=True)
class ReleaseSettings:
    """The variable `release`: the faults that cause a rollback, and the canary's minutes and percent of requests."""

    faults: int
    minutes: float
    percent: int


@dataclass
class CanaryRun:
    """The canary of new versions, which ends with their promotion or rollback."""

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
        """Return why the versions were rolled back, or None if they were promoted."""
        try:
            canary = Canary(now(), self.candidates, self.settings.percent)
            monitor = Monitor(self.environment, self.functions, self.before.versions, canary, self.settings.faults)
            if monitor.before:
                self.progress(f"Not watched, because already in ALARM: {', '.join(sorted(monitor.before))}.")
            if incomparable := monitor.incomparable_functions():
                why = "log_level omits them" if self.settings.percent < 100 else "no other version serves traffic"
                self.progress(f"4xx responses are not compared ({why}): {', '.join(incomparable)}.")
            self.record.canary = canary
            self.record.write()
            self.functions.point_aliases(self.before.versions, canary)
            self.announce()
            reason = self.watch_candidates(monitor)
            unreached = [] if reason or not self.settings.minutes else monitor.untested_functions()
        except BaseException:
            self.progress("Rolling back ...")
            restore_live(self.record, self.functions)
            raise
        # Functions without routes (workers) are exempt, because their next job may come in a day.
        if (unproven := [name for name in unreached if name not in self.functions.workers]) and not self.unproven:
            # A version that cannot start logs no requests either, so silence does not prove that it works.
            reason = (
                f"{', '.join(unproven)} received no requests, so the new code is untested. Send requests during "
                "the canary, or add ARGS=--unproven."
            )
        if reason:
            restore_live(self.record, self.functions)
            return reason
        if unreached:
            self.progress(f"Untested, because no request or job arrived: {', '.join(unreached)}.")
        self.record.history = [self.before, *self.record.history][:HISTORY_LENGTH]
        self.record.live = Release(now(), {**self.before.versions, **self.candidates})
        restore_live(self.record, self.functions)
        return None

    def announce(self) -> None:
        """Report which versions are in the canary, and their share of the traffic."""
        workers = {name: version for name, version in self.candidates.items() if name in self.functions.workers}
        others = {name: version for name, version in self.candidates.items() if name not in workers}
        minutes, live = f"for {self.settings.minutes:g} minutes", self.before.versions
        if others:
            self.progress(f"{self.settings.percent} % of the requests {minutes}: {format_changes(live, others)}.")
        if workers:
            self.progress(f"All jobs, events and changes, watched {minutes}: {format_changes(live, workers)}.")

    def watch_candidates(self, monitor: Monitor) -> str | None:
        """Check until the canary's time is over. Return why to roll back, or None."""
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
        """Return a message if another command has changed the aliases since the canary began, else None."""
        aliases = self.functions.aliases()
        if all(
            name in aliases
            and (
                aliases[name].version == version if name in self.functions.workers else version in aliases[name].weights
            )
            for name, version in self.candidates.items()
        ):
            return None
        return "another command changed the aliases."


@contextmanager
def ignore_signals() -> Iterator[None]:
    """Ignore signals within the block, so that a second Ctrl-C cannot interrupt it half-way."""
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
    """Apply, and release the newest versions; return 0, or 1 if they were rolled back.

    unproven: promote versions even if they received no requests during the canary.
    """
    record = Record.read(environment.live_file)
    before = find_functions(environment, record).aliases()
    check_deployed(environment, before)
    if record.canary or any(alias.weights for alias in before.values()):
        raise UserError(
            "A canary is already running: wait until it ends, or cancel it with "
            f"`make rollback ENV={environment.name}`."
        )
    check_recorded(environment, record, before)
    is_first, candidates = record.live is None, Versions()
    record_live(record, find_functions(environment, record), before)
    try:
        if environment.apply(arguments):
            raise UserError(
                "Nothing was released: the apply failed, and the live versions are unchanged. Fix what "
                f"Terraform reported, then run `make release ENV={environment.name}` again."
            )
        # Functions that this apply created are live with their first version.
        functions = find_functions(environment, record)
        aliases = functions.aliases()
        live = record_live(record, functions, aliases)
        newest = {name: str(max(functions.published_versions(name))) for name in aliases}
        candidates = {name: version for name, version in newest.items() if version != live.versions[name]}
    finally:
        # Without a release, there must be no live file: it would silently pin the versions of every later apply.
        if is_first and not candidates:
            record.path.unlink(missing_ok=True)
    if not candidates:
        progress("Nothing to release: the live versions are the newest.")
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
    progress(f"Rolled back: {reason}" if reason else "Released: the new versions serve all requests.")
    try:
        if deleted := functions.prune([*([record.live] if record.live else []), *record.history]):
            progress(f"Old versions deleted: {deleted}.")
    except (BotoCoreError, ClientError) as error:
        progress(f"Some old versions could not be deleted; the next release tries again: {error}")
    return 1 if reason else 0


def restore_live(record: Record, functions: Functions) -> None:
    """End the canary: point each alias only to its live version."""
    assert record.live
    record.canary = None
    with ignore_signals():
        record.write()
        functions.point_aliases(record.live.versions)


def rollback(environment: Environment, progress: Progress) -> int:
    """Restore the previous release, or cancel a running canary. Return 0.

    Even after an interrupted release or rollback, aliases point only to versions that the live file names.
    """
    record = Record.read(environment.live_file)
    # Functions created since the last release keep their newest version.
    names = recorded_functions(record) or environment.function_names()
    functions = Functions(environment.client("lambda"), frozenset(names))
    aliases = functions.aliases()
    check_deployed(environment, aliases)
    check_recorded(environment, record, aliases, record.canary, record.leaving, *record.history[:1])
    live = {name: alias.version for name, alias in aliases.items()}
    recorded = record.live or Release(now(), live)
    published = {name: functions.published_versions(name) for name in live}
    is_live = all(recorded.versions.get(name, version) == version for name, version in live.items())
    has_canary = bool(record.canary) or (is_live and any(alias.weights for alias in aliases.values()))
    leaving = record.leaving or recorded
    if has_canary or record.leaving:
        target = recorded
    elif not record.live:
        target = Release(now(), versions_before_last_deployment(live, published))
    elif record.history:
        target = record.history.pop(0)
    else:
        raise UserError(f"There is nothing to roll back to: {environment.live_file.name} records no earlier release.")
    # A function that is in only one of the releases, or whose older version was deleted, keeps its version.
    changes = {
        name: version
        for name, version in target.versions.items()
        if name in live and (version != live[name] or aliases[name].weights) and int(version) in published[name]
    }
    if target is not recorded:
        if not changes:
            raise UserError("There is nothing to roll back to: no function has an earlier live version.")
        check_ready(environment, functions, changes, progress)
        recorded = Release(now(), {**live, **changes})
    record.live, record.canary = recorded, None
    record.leaving = Release(now(), {name: live[name] for name in changes})
    with ignore_signals():
        record.write()
        functions.point_aliases(changes)
        record.leaving = None
        record.write()
    if has_canary:
        progress("The canary was rolled back.")
    else:
        progress(f"Rolled back: {format_changes(leaving.versions, changes or target.versions)}.")
    return 0


def check_ready(environment: Environment, functions: Functions, versions: Versions, progress: Progress) -> None:
    """Raise UserError if a version has failed; report the versions that Lambda must reactivate."""
    found = {name: functions.configuration(name, version) for name, version in versions.items()}
    for name, each in found.items():
        if each.get("State") == "Failed":
            raise UserError(
                f"Nothing was rolled back: {name} {versions[name]} cannot serve requests, because its State is Failed "
                f"({each.get('StateReason', 'no reason given')}). Check out the commit it was built from, and "
                f"run `make release ENV={environment.name}`."
            )
    if asleep := [name for name, each in found.items() if each.get("State") in ("Inactive", "Pending")]:
        progress(
            f"Deactivated by Lambda after a long time without requests: {', '.join(asleep)}. The first request "
            "reactivates each of them, and requests fail until then: for seconds, or for minutes with snap_start."
        )


def show(environment: Environment) -> int:
    """Print the live versions, the time of their release, and the releases that a rollback can restore."""
    record, unread = Record.read(environment.live_file), ""
    try:
        found = find_functions(environment, record)
    except UserError as error:
        if not record.live:
            raise
        found = Functions(environment.client("lambda"), frozenset(recorded_functions(record)))
        unread = f"Functions created since the last release are not listed: {error}"
    aliases = found.aliases()
    check_deployed(environment, aliases)
    live = {name: alias.version for name, alias in aliases.items()}
    published = {name: found.published_versions(name) for name in live}
    since = f"since {record.live.since}" if record.live else "the newest versions, because there was no release yet"
    widths = (2, max(len(name) for name in live) + 2, 6, 22, 8, 0)
    header = table_row(("", "function", "live", "published", "newest", "canary"), widths)
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
    lines += ["Roll back to:", *(back or ["  nothing"])]
    if record.live and (unreleased := sorted(live.keys() - record.live.versions.keys())):
        lines.append(
            f"Created since the last release, so each apply deploys their newest version: {', '.join(unreleased)}."
        )
    if unread:
        lines.append(unread)
    if record.leaving or (record.live and record.live.versions.items() - live.items()):
        lines.append(
            f"{environment.live_file.name} does not match the live versions: if the file is right, run "
            f"`{environment.apply_command}`."
        )
    print_lines(lines)
    return 0


def format_changes(live: Versions, other: Versions) -> str:
    """Return the differences between two sets of versions as text."""
    changed = {name: version for name, version in other.items() if live.get(name, version) != version}
    return ", ".join(f"{name} {live[name]} -> {version}" for name, version in changed.items()) or "the same"


def find_functions(environment: Environment, record: Record) -> Functions:
    """Return the functions in Terraform's outputs and in the last release."""
    names = frozenset(environment.function_names() | recorded_functions(record))
    return Functions(environment.client("lambda"), names, frozenset(environment.worker_names()))


def recorded_functions(record: Record) -> set[str]:
    """Return the names of the functions in the last release; an empty set if there was none."""
    return set(record.live.versions) if record.live else set()


def record_live(record: Record, found: Functions, aliases: dict[str, Alias]) -> Release:
    """Write the live versions to the live file, and return them."""
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
    """Raise UserError if no function is deployed."""
    if not aliases:
        raise UserError(
            f"No function of {environment.system} was found: run `make deploy ENV={environment.name}` first, "
            "or check which account your credentials belong to (aws sts get-caller-identity)."
        )


def check_recorded(
    environment: Environment, record: Record, aliases: dict[str, Alias], *others: Release | None
) -> None:
    """Raise UserError if an alias points to a version that is in none of the live file's releases."""
    if record.live is None:
        return
    known = record.live.versions
    for name, alias in aliases.items():
        versions = [each.versions.get(name) for each in (record.live, *others) if each]
        if name in known and alias.version not in versions:
            raise UserError(
                f"{environment.live_file.name} does not match the live versions: {name} is at {alias.version}, not at "
                f"{known[name]}. Get the last release's file from version control; or, if this file is right, run "
                f"`{environment.apply_command}`; or delete it to accept the live versions."
            )


def run_release(options: argparse.Namespace) -> int:
    """Release, then show the live versions."""
    environment: Environment = options.environment
    environment.prepare()
    with explain_failures(environment):
        code = release(environment, options.progress, options.arguments, unproven=options.unproven)
    return show_result(environment, code)


def run_rollback(options: argparse.Namespace) -> int:
    """Roll back, then show the live versions."""
    environment: Environment = options.environment
    with explain_failures(environment):
        code = rollback(environment, options.progress)
    return show_result(environment, code)


def run_live(options: argparse.Namespace) -> int:
    """Show the live versions."""
    environment: Environment = options.environment
    with explain_failures(environment):
        return show(environment)


def show_result(environment: Environment, code: int) -> int:
    """Show the live versions, remind the user to commit the file, and return the exit code."""
    with explain_failures(environment):
        show(environment)
    if environment.name != "local" and environment.live_file.exists():
        print_note(f"Commit {environment.live_file.relative_to(ROOT)}: the next apply deploys the versions it names.")
    return code


@contextmanager
def explain_failures(environment: Environment) -> Iterator[None]:
    """Raise UserError, with the remedy, if AWS returns an error within the block."""
    try:
        yield
    except (BotoCoreError, ClientError, WaiterError) as error:
        file = environment.live_file.name
        again = f"Repeat the command, or run `{environment.apply_command}` to deploy the versions in {file}."
        raise UserError(explain_aws_error(error, again)) from error
