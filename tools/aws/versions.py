"""The live versions of the functions: the file that names them, and the aliases that point at them.

`environments/ENV.live.json` names each function's live version, the candidate of a running canary,
the version that a running rollback leaves, and the earlier releases:

    {"live": {"since": "2026-11-21T12:30:37Z", "versions": {"shop-todos-create-prod": "8"}},
     "canary": null,
     "leaving": null,
     "history": [{"since": "2026-11-02T09:00:12Z", "versions": {"shop-todos-create-prod": "7"}}]}

Terraform reads the file (locals.tf) and points the aliases at its versions. It is always written
before an alias is moved, so that an apply repairs whatever an interruption leaves.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tools.errors import UserError

ALIAS = "live"
HISTORY_LENGTH = 5  # of releases to roll back to, and of each function's newest versions to keep
# Versions published further apart belong to different deployments.
DEPLOYMENT_GAP = timedelta(minutes=10)

Versions = dict[str, str]  # by function


@dataclass(frozen=True)
class Release:
    """Versions that are or were live together, and since when."""

    since: str
    versions: Versions


@dataclass(frozen=True)
class Canary(Release):
    """The candidates of a canary, and their percentage of the requests."""

    percent: int


@dataclass
class Record:
    """The file's content. Without a file the newest versions are live."""

    path: Path
    live: Release | None = None
    canary: Canary | None = None
    history: list[Release] = field(default_factory=list)
    leaving: Release | None = None  # by a rollback that is running or was interrupted

    @classmethod
    def read(cls, path: Path) -> Record:
        """Return the file's content. Raise UserError if it is malformed."""
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            live, history = read_release(found["live"]), map(read_release, found.get("history") or [])
            leaving = read_release(found["leaving"]) if found.get("leaving") else None
            canary = read_canary(found["canary"]) if found.get("canary") else None
            return cls(path, live, canary, list(history), leaving)
        except FileNotFoundError:
            return cls(path)
        except (AttributeError, KeyError, TypeError, ValueError):
            raise UserError(
                f"{path} does not name the live versions: restore it from version control, or delete it, so "
                "that the next apply deploys the newest versions."
            ) from None

    def write(self) -> None:
        """Write the file atomically."""
        assert self.live
        content = {
            "live": asdict(self.live),
            "canary": self.canary and asdict(self.canary),
            "leaving": self.leaving and asdict(self.leaving),
            "history": [asdict(each) for each in self.history],
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_suffix(".partial")
        partial.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        partial.replace(self.path)


def read_release(found: Any) -> Release:
    """Return a release from its JSON. Raise one of the errors that Record.read handles if it is malformed."""
    # Terraform converts numbers to strings.
    versions = {name: str(version) for name, version in found["versions"].items()}
    if not all(re.fullmatch("[1-9][0-9]*", version) for version in versions.values()):
        raise ValueError
    return Release(str(found["since"]), versions)


def read_canary(found: Any) -> Canary:
    """Return a canary from its JSON. Raise one of the errors that Record.read handles if it is malformed."""
    candidates = read_release(found)
    return Canary(candidates.since, candidates.versions, int(found["percent"]))


@dataclass(frozen=True)
class Alias:
    """An alias: its version, and the share of the requests of each additional version."""

    version: str
    weights: Mapping[str, float]


@dataclass(frozen=True)
class Functions:
    """Functions by name, which may not exist, and a Lambda client.

    workers: functions on queues, streams, schedules and events. An alias gives them to one version
    only: with weights, two versions would take jobs from the same queue.
    """

    client: Any
    names: frozenset[str]
    workers: frozenset[str] = frozenset()

    def aliases(self) -> dict[str, Alias]:
        """Return the alias of each function that exists."""
        found = {}
        for name in sorted(self.names):
            try:
                alias = self.client.get_alias(FunctionName=name, Name=ALIAS)
            except self.client.exceptions.ResourceNotFoundException:
                continue
            weights = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
            found[name] = Alias(alias["FunctionVersion"], weights)
        return found

    def published_versions(self, name: str) -> dict[int, datetime]:
        """Return the versions of a function, and when each was published."""
        pages = self.client.get_paginator("list_versions_by_function").paginate(FunctionName=name)
        found = [each for page in pages for each in page["Versions"] if each["Version"] != "$LATEST"]
        return {int(each["Version"]): datetime.fromisoformat(each["LastModified"]) for each in found}

    def configuration(self, name: str, version: str) -> dict[str, Any]:
        """Return a version's configuration as Lambda describes it."""
        found: dict[str, Any] = self.client.get_function_configuration(FunctionName=name, Qualifier=version)
        return found

    def point_aliases(self, versions: Versions, canary: Canary | None = None) -> None:
        """Point the aliases at the versions, and at the canary's for its share; switch workers completely."""
        candidates = canary.versions if canary else {}
        for name, version in versions.items():
            is_worker = name in self.workers
            weights = (
                {candidates[name]: canary.percent / 100} if canary and name in candidates and not is_worker else {}
            )
            self.client.update_alias(
                FunctionName=name,
                Name=ALIAS,
                FunctionVersion=candidates.get(name, version) if is_worker else version,
                RoutingConfig={"AdditionalVersionWeights": weights},
            )

    def wait_for(self, versions: Versions) -> None:
        """Wait until the versions can serve requests: with snap_start, until their snapshots exist."""
        waiter = self.client.get_waiter("published_version_active")
        for name, version in versions.items():
            waiter.wait(FunctionName=name, Qualifier=version)

    def prune(self, keep: Iterable[Release]) -> int:
        """Delete versions; return how many. Keep the newest, those of the releases, and those an alias names."""
        kept, deleted = list(keep), 0
        for name in self.aliases():
            versions = sorted(self.published_versions(name))
            wanted = {str(version) for version in versions[-HISTORY_LENGTH:]}
            wanted |= {release.versions[name] for release in kept if name in release.versions}
            for page in self.client.get_paginator("list_aliases").paginate(FunctionName=name):
                for alias in page["Aliases"]:
                    weights = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
                    wanted |= {alias["FunctionVersion"], *weights}
            for version in versions:
                if str(version) not in wanted:
                    self.client.delete_function(FunctionName=name, Qualifier=str(version))
                    deleted += 1
        return deleted


def versions_before_last_deployment(live: Versions, published: Mapping[str, Mapping[int, datetime]]) -> Versions:
    """Return the versions that were live before the last deployment, judged by their times.

    The result has the functions that the deployment changed and that have an older version. It
    serves environments without a live file.
    """
    times = {name: published[name][int(version)] for name, version in live.items()}
    began = max(times.values())
    for time in sorted(times.values(), reverse=True):
        if began - time > DEPLOYMENT_GAP:
            break
        began = time
    older = {
        name: [version for version, at in published[name].items() if at < began and version < int(live[name])]
        for name, time in times.items()
        if time >= began
    }
    return {name: str(max(versions)) for name, versions in older.items() if versions}


def now() -> str:
    """Return the current time in the file's format, to the second."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
