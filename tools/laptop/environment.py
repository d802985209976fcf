"""Present the running system to releases, exports, imports and reindexes as an environment."""

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
        """Find the running system. Raise UserError with exit code 3 if there is none."""
        self.systems = local_systems(progress)
        self.running_system = self.systems.current()
        self.running = self.running_system.running()
        roots = [self.running_system.root] if self.running_system.root else []
        named = [("--root", root) for root in roots] + [("--var-file", file) for file in self.running_system.var_files]
        arguments = [each for option, path in named for each in (option, tfvars.display_name(path))]
        self.apply_command = shlex.join(["python", "local.py", "up", "--detach", *arguments])

    @property
    def system(self) -> str:
        """The system's name, NAME-ENVIRONMENT."""
        return "{name}-{environment}".format(**self.running_system.settings)

    @property
    def project(self) -> Path:
        """The folder with its schemas/, app/ and dist/: the user's own root if it runs, else Trestle's."""
        return self.running_system.root or ROOT

    @property
    def live_file(self) -> Path:
        """The file that names the live versions."""
        return self.running_system.live_file

    def prepare(self) -> None:
        """Do nothing: `local.py up` has applied the system."""

    def outputs(self) -> dict[str, Any]:
        """Return Terraform's outputs by name."""
        return self.running_system.outputs()

    def entities(self) -> dict[str, Any]:
        """Return the settings that Terraform derived for each entity in the last apply, by the entity's name."""
        found: dict[str, Any] = self.running_system.settings["entities"]
        return found

    def functions(self) -> dict[str, Any]:
        """Return the settings that Terraform derived for each function of app/ in the last apply, by its key."""
        found: dict[str, Any] = self.running_system.settings.get("functions", {})
        return found

    def client(self, service: str, *, timeout: int | None = None) -> Any:
        """Return a client of a service of the emulator. With a timeout in seconds, the client does not retry."""
        return client(service, self.running, timeout)

    def function_names(self) -> set[str]:
        """Return the functions' names."""
        return function_names(self.running_system.outputs())

    def worker_names(self) -> set[str]:
        """Return the names of the user's own functions that work on jobs, events or changes."""
        return worker_names(self.running_system.outputs())

    def apply(self, _arguments: list[str]) -> int:
        """Build and apply with the variables that the system was started with."""
        self.running = self.systems.reapply()
        return 0

    def release_settings(self) -> dict[str, Any]:
        """Return the applied value of the variable `release`."""
        found: dict[str, Any] = self.running_system.settings["release"]
        return found
