"""Run the commands of tools/ in this process, and give them a fake environment."""

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
    """An environment with fixed outputs and clients."""

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
        """Record the call."""
        self.prepared.append(True)

    def entities(self) -> dict[str, Any]:
        """Return the description of each entity, as the tools have it."""
        return self.known

    def outputs(self) -> dict[str, Any]:
        """Return the outputs."""
        return self.found

    def functions(self) -> dict[str, Any]:
        """Return the description of each function of app/, as the tools have it."""
        return self.own_functions

    def client(self, service: str, *, timeout: int | None = None) -> Any:
        """Return the client of a service."""
        return self.clients[service]
