"""The running local system, as releases, exports, imports and reindexes see an environment."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from tools import tfvars
from tools.environment import function_names, worker_names
from tools.laptop.emulator import client
from tools.laptop.systems import local_systems
from tools.terraform import ROOT, Progress


class LocalEnvironment:
    """The system that runs on this machine."""

    name = "local"

    def __init__(self, progress: Progress) -> None:
        """Find the running system; raise UserError with exit code 3 if there is none."""
        self.systems = local_systems(progress)
        self.running_system = self.systems.current()
        self.running = self.running_system.running()
        roots = [self.running_system.root] if self.running_system.root else []
        named = [("--root", root) for root in roots] + [("--var-file", file) for file in self.running_system.var_files]
        arguments = [each for option, path in named for each in (option, tfvars.display_name(path))]
        self.apply_command = shlex.join(["python", "local.py", "up", "--detach", *arguments])

    @property
    def system(self) -> str:
        """NAME-ENVIRONMENT."""
        return "{name}-{environment}".format(**self.running_system.settings)

    @property
    def project(self) -> Path:
        """The folder with its schemas/, app/ and dist/: the user's own root, if that runs, or Trestle's."""
        return self.running_system.root or ROOT

    @property
    def live_file(self) -> Path:
        """The file that says which versions are live."""
        return self.running_system.live_file

    def prepare(self) -> None:
        """Do nothing: `local.py up` has applied it."""

    def outputs(self) -> dict[str, Any]:
        """Return Terraform's outputs by name."""
        return self.running_system.outputs()

    def entities(self) -> dict[str, Any]:
        """Return what Terraform derived from each entity's attributes in the last apply, by the entity's name."""
        found: dict[str, Any] = self.running_system.settings["entities"]
        return found

    def functions(self) -> dict[str, Any]:
        """Return what Terraform derived from each function of app/ in the last apply, by its key in the tfvars."""
        found: dict[str, Any] = self.running_system.settings.get("functions", {})
        return found

    def client(self, service: str, *, timeout: int | None = None) -> Any:
        """Return a client of the emulator's service, which may wait `timeout` seconds and then does not try again."""
        return client(service, self.running, timeout)

    def function_names(self) -> set[str]:
        """Return the functions' names."""
        return function_names(self.running_system.outputs())

    def worker_names(self) -> set[str]:
        """Return those of functions of one's own that work on jobs, events or changes."""
        return worker_names(self.running_system.outputs())

    def apply(self, _arguments: list[str]) -> int:
        """Build and apply with the variables that it was brought up with."""
        self.running = self.systems.again()
        return 0

    def release_settings(self) -> dict[str, Any]:
        """Return the variable `release` as it was applied."""
        found: dict[str, Any] = self.running_system.settings["release"]
        return found
