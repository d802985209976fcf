"""Which versions of the functions are live: the file that says so, and the aliases that make it so.

`environments/ENV.live.json` names the live version of each function, a second one that answers a part of the
requests while a release is tried, the one that a rollback leaves while it is at work, and what was live
before:

    {"live": {"since": "2026-11-21T12:30:37Z", "versions": {"shop-todos-create-prod": "8"}},
     "canary": null,
     "leaving": null,
     "history": [{"since": "2026-11-02T09:00:12Z", "versions": {"shop-todos-create-prod": "7"}}]}

Terraform reads it (locals.tf) and points the aliases where it says, so it is always written before an alias
is moved: whatever gets lost on the way, an apply makes good.
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
HISTORY_LENGTH = 5  # releases to go back to, and versions to keep besides
# Versions that were published further apart come of different deployments.
DEPLOYMENT_GAP = timedelta(minutes=10)

Versions = dict[str, str]  # by function


@dataclass(frozen=True)
class Release:
    """The versions that were live together, and since when."""

    since: str
    versions: Versions


@dataclass(frozen=True)
class Canary(Release):
    """The versions that are tried, and how large a part of the requests they answer, in percent."""

    percent: int


@dataclass
class Record:
    """The file; without one the newest versions are live."""

    path: Path
    live: Release | None = None
    canary: Canary | None = None
    history: list[Release] = field(default_factory=list)
    leaving: Release | None = None  # by a rollback that is at work, or was stopped there

    @classmethod
    def read(cls, path: Path) -> Record:
        """Return what the file says; stop when it cannot be read."""
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
                f"{path} does not say which versions are live: take it from version control again, or delete "
                "it, upon which the newest are live with the next apply."
            ) from None

    def write(self) -> None:
        """Write the file, whole or not at all."""
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
    """Return a release as the file has it. Raises what Record.read expects of what is none."""
    # Terraform takes numbers for text.
    versions = {name: str(version) for name, version in found["versions"].items()}
    if not all(re.fullmatch("[1-9][0-9]*", version) for version in versions.values()):
        raise ValueError
    return Release(str(found["since"]), versions)


def read_canary(found: Any) -> Canary:
    """Return what is tried as the file has it. Raises what Record.read expects of what is none."""
    tried = read_release(found)
    return Canary(tried.since, tried.versions, int(found["percent"]))


@dataclass(frozen=True)
class Alias:
    """Where an alias points: a version, and perhaps others, each with the part of the requests it answers."""

    version: str
    weights: Mapping[str, float]


@dataclass(frozen=True)
class Functions:
    """Functions by name, which may not exist, and Lambda's client.

    workers: those that no request reaches. Their queues and streams go to one version: a share of the traffic would
    mean that two versions take jobs from the same queue.
    """

    client: Any
    names: frozenset[str]
    workers: frozenset[str] = frozenset()

    def aliases(self) -> dict[str, Alias]:
        """Return where the alias points, of each function that exists."""
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
        """Return the versions of a function, and when each was made."""
        pages = self.client.get_paginator("list_versions_by_function").paginate(FunctionName=name)
        found = [each for page in pages for each in page["Versions"] if each["Version"] != "$LATEST"]
        return {int(each["Version"]): datetime.fromisoformat(each["LastModified"]) for each in found}

    def configuration(self, name: str, version: str) -> dict[str, Any]:
        """Return what Lambda says of a version."""
        found: dict[str, Any] = self.client.get_function_configuration(FunctionName=name, Qualifier=version)
        return found

    def point_aliases(self, versions: Versions, canary: Canary | None = None) -> None:
        """Point the aliases at the versions, and for a part of the requests at those of the canary; workers wholly."""
        tried = canary.versions if canary else {}
        for name, version in versions.items():
            is_worker = name in self.workers
            weights = {tried[name]: canary.percent / 100} if canary and name in tried and not is_worker else {}
            self.client.update_alias(
                FunctionName=name,
                Name=ALIAS,
                FunctionVersion=tried.get(name, version) if is_worker else version,
                RoutingConfig={"AdditionalVersionWeights": weights},
            )

    def wait_for(self, versions: Versions) -> None:
        """Wait until the versions can answer: with snap_start, for their snapshots."""
        waiter = self.client.get_waiter("published_version_active")
        for name, version in versions.items():
            waiter.wait(FunctionName=name, Qualifier=version)

    def prune(self, keep: Iterable[Release]) -> int:
        """Delete all but the last versions, those to keep and those that any alias names; return how many."""
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
    """Return what was live before the last deployment, by when versions were published.

    Of the functions that it changed, and had an older version; for where nothing was written down.
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
    """Return the time, in seconds, as the file has it."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
