"""What the checks of a preflight look at, and what they say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tools.terraform import Progress

OK, WARNING, STOP = "ok", "warning", "stop"

FREE_ADDRESSES = 16  # of a subnet, for Lambda's interfaces and for more functions


@dataclass(frozen=True)
class Finding:
    """What a check found, and what to do about it."""

    level: str
    subject: str
    text: str
    remedy: str = ""


@dataclass
class Context:
    """What the checks look at. `client` makes a client of a service, in a region or the environment's."""

    name: str
    region: str
    client: Callable[..., Any]
    backend: Mapping[str, str] = field(default_factory=dict)
    account: str = ""
    plan: Mapping[str, Any] = field(default_factory=dict)
    progress: Progress = field(default=lambda _: None)
    # What Terraform derives from the variables for the tools: local.tools of modules/service.
    facts: Callable[[], Mapping[str, Any]] = field(default=dict)

    def changes(self, kind: str) -> list[Mapping[str, Any]]:
        """The planned changes of resources of a type."""
        changes = self.plan.get("resource_changes", ())
        return [each for each in changes if each["mode"] == "managed" and each["type"] == kind]

    def variable(self, name: str) -> Any:
        """The value of a variable of the root, or None."""
        return self.plan.get("variables", {}).get(name, {}).get("value")

    def output(self, name: str) -> Any:
        """The value of an output of the root, or None where it is unknown before the apply."""
        outputs = self.plan.get("planned_values", {}).get("outputs", {})
        return (outputs.get(name) or {}).get("value")

    @property
    def own_functions(self) -> Mapping[str, Mapping[str, Any]]:
        """The functions of your own by name, with the attributes that the var-files write."""
        found: Mapping[str, Any] = self.variable("functions") or {}
        return found

    def created(self, kind: str) -> list[Mapping[str, Any]]:
        """The changes that make a resource where there is none."""
        return [each for each in self.changes(kind) if each["change"]["actions"] == ["create"]]


Findings = Iterator[Finding]
