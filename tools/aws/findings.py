"""The input of a preflight's checks, and their findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tools.terraform import Progress

OK, WARNING, STOP = "ok", "warning", "stop"

FREE_ADDRESSES = 16  # that a subnet needs for Lambda's interfaces and further functions


@dataclass(frozen=True)
class Finding:
    """A result of a check, and the remedy."""

    level: str
    subject: str
    text: str
    remedy: str = ""


@dataclass
class Context:
    """The input of the checks. `client` returns a client of a service, in a region or the environment's."""

    name: str
    region: str
    client: Callable[..., Any]
    backend: Mapping[str, str] = field(default_factory=dict)
    account: str = ""
    plan: Mapping[str, Any] = field(default_factory=dict)
    progress: Progress = field(default=lambda _: None)
    # Returns what Terraform derives from the variables: local.tools of modules/service.
    facts: Callable[[], Mapping[str, Any]] = field(default=dict)

    def changes(self, kind: str) -> list[Mapping[str, Any]]:
        """Return the planned changes of resources of a type."""
        changes = self.plan.get("resource_changes", ())
        return [each for each in changes if each["mode"] == "managed" and each["type"] == kind]

    def variable(self, name: str) -> Any:
        """Return the value of a variable of the root, or None."""
        return self.plan.get("variables", {}).get(name, {}).get("value")

    def output(self, name: str) -> Any:
        """Return the value of an output of the root, or None if it is unknown before the apply."""
        outputs = self.plan.get("planned_values", {}).get("outputs", {})
        return (outputs.get(name) or {}).get("value")

    @property
    def own_functions(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the variable `functions`: the user's own functions by name, with their attributes."""
        found: Mapping[str, Any] = self.variable("functions") or {}
        return found

    def creations(self, kind: str) -> list[Mapping[str, Any]]:
        """Return the changes that create a resource and replace none."""
        return [each for each in self.changes(kind) if each["change"]["actions"] == ["create"]]


Findings = Iterator[Finding]
