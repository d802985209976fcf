"""The interface of environments, in AWS or on this machine, for releases, exports, imports, reindexes and runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Protocol


class Environment(Protocol):
    """An environment, in AWS or on this machine."""

    name: str  # as in ENV=
    apply_command: str  # the command that points the aliases where the live file says

    @property
    def project(self) -> Path:
        """Return the folder with its schemas/, app/ and dist/."""

    @property
    def system(self) -> str:
        """Return NAME-ENVIRONMENT, the prefix of its alarms."""

    @property
    def live_file(self) -> Path:
        """Return the file with the live versions."""

    def prepare(self) -> object:
        """Initialise Terraform for this environment only."""

    def outputs(self) -> dict[str, Any]:
        """Return Terraform's outputs by name."""

    def entities(self) -> dict[str, Any]:
        """Return the derived attributes of each entity for the tools, by the entity's name."""

    def functions(self) -> dict[str, Any]:
        """Return the derived attributes of each function of app/ for the tools, by its key in the tfvars."""

    def client(self, service: str, *, timeout: int | None = None) -> Any:
        """Return a client of an AWS service.

        timeout: seconds to wait for a response. With it, the client does not retry.
        """

    def function_names(self) -> set[str]:
        """Return the names of its functions, from Terraform's outputs. Raise UserError if there are none."""

    def worker_names(self) -> set[str]:
        """Return the names of the user's functions on jobs, events or changes, from Terraform's outputs."""

    def apply(self, arguments: list[str]) -> int:
        """Apply the configuration; return the exit code of `terraform apply`, which gets the arguments."""

    def release_settings(self) -> dict[str, Any]:
        """Return the variable `release`."""


def function_names(outputs: Mapping[str, Any]) -> set[str]:
    """Return the names of all functions, from Terraform's outputs."""
    names = {name for each in outputs["function_names"].values() for name in each.values()}
    if authorizer := outputs.get("authorizer_name"):
        names.add(authorizer)
    return names | {each["name"] for each in own_functions(outputs)}


def worker_names(outputs: Mapping[str, Any]) -> set[str]:
    """Return the names of the user's functions without routes, from Terraform's outputs."""
    return {each["name"] for each in own_functions(outputs) if each["kind"] != "routes"}


def own_functions(outputs: Mapping[str, Any]) -> Collection[dict[str, Any]]:
    """Return the output `functions`, the user's own functions; empty for older versions of Trestle."""
    found: dict[str, dict[str, Any]] = outputs.get("functions", {})
    return found.values()
