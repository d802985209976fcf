"""Run the commands of tools/ in this process, as their users do, and an environment for them to work on."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools import commands
from tools.errors import user_errors


@user_errors
def run(*arguments: object) -> int:
    """Run `python -m tools ARGUMENTS`; return its exit code."""
    return commands.run(commands.parse("python -m tools", commands.TOOLS, [str(each) for each in arguments]))


@dataclass
class FakeEnvironment:
    """An environment whose outputs and clients are given."""

    found: dict[str, Any]
    clients: dict[str, Any]
    project: Path = Path()
    name: str = "dev"
    apply_command: str = "make apply ENV=dev"
    system: str = "shop-dev"
    known: dict[str, Any] = field(default_factory=dict)
    own_functions: dict[str, Any] = field(default_factory=dict)
    prepared: list[bool] = field(default_factory=list)

    def prepare(self) -> None:
        """Note that it was asked to."""
        self.prepared.append(True)

    def entities(self) -> dict[str, Any]:
        """Return what the tools know of each entity."""
        return self.known

    def outputs(self) -> dict[str, Any]:
        """Return the outputs."""
        return self.found

    def functions(self) -> dict[str, Any]:
        """Return what the tools know of each function of app/."""
        return self.own_functions

    def client(self, service: str, *, timeout: int | None = None) -> Any:
        """Return the client of a service."""
        return self.clients[service]
