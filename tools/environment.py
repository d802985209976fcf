"""What releases, exports, imports, reindexes and runs need of an environment, in AWS or on this machine."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Protocol


class Environment(Protocol):
    """An environment, wherever it runs."""

    name: str  # as in ENV=
    apply_command: str  # the command that points the aliases where the live file says

    @property
    def project(self) -> Path:
        """The folder with its schemas/, app/ and dist/."""

    @property
    def system(self) -> str:
        """NAME-ENVIRONMENT, by which its alarms are named."""

    @property
    def live_file(self) -> Path:
        """The file that says which versions are live."""

    def prepare(self) -> object:
        """Make sure that Terraform knows the environment and nothing but it."""

    def outputs(self) -> dict[str, Any]:
        """Return Terraform's outputs by name."""

    def entities(self) -> dict[str, Any]:
        """Return what Terraform derives from each entity's attributes for the tools, by the entity's name."""

    def functions(self) -> dict[str, Any]:
        """Return what Terraform derives from each function of app/ for the tools, by its key in the tfvars."""

    def client(self, service: str, *, timeout: int | None = None) -> Any:
        """Return a client of an AWS service.

        timeout: how many seconds it waits for an answer; then, or on an error, it does not try again.
        """

    def function_names(self) -> set[str]:
        """Return the names of its functions, from Terraform's outputs. Raise UserError without outputs."""

    def worker_names(self) -> set[str]:
        """Return those of functions of one's own that work on jobs, events or changes, from Terraform's outputs."""

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
    """Return the names of functions of one's own that no request reaches, from Terraform's outputs."""
    return {each["name"] for each in own_functions(outputs) if each["kind"] != "routes"}


def own_functions(outputs: Mapping[str, Any]) -> Collection[dict[str, Any]]:
    """Return what the outputs say of functions of one's own; older Trestles have no such output."""
    found: dict[str, dict[str, Any]] = outputs.get("functions", {})
    return found.values()
