"""Manage the systems on this machine. Each has its own folder, and one runs at a time."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools import tfvars
from tools.dist import build_functions
from tools.errors import UserError
from tools.files import read_json, write_json
from tools.laptop import user_root
from tools.laptop.emulator import Emulator, Running, check_port, free_port
from tools.laptop.system import DEFAULT_PORT, Confirm, System, fingerprint
from tools.sources import is_leftover
from tools.terraform import ROOT, Progress, Terraform, environment, find_mirror, find_terraform, var_file_arguments

FIRST_VAR_FILE = ROOT / "environments" / "local.tfvars"

# The settings of the user's own root that a run needs before its first apply, and those that are useful. After an
# apply, its outputs have all of them.
NEEDED = ("name", "environment", "region", "api_keys", "takes_website")
USEFUL = ("faults",)

# The files of earlier versions, whose folder held a single system.
PREVIOUS = (
    "api-keys.json", "applied", "emulator", "outputs.json", "root", "settings.json", "terraform.log",
    "terraform.tfstate", "terraform.tfstate.backup", "users.json",
)  # fmt: skip


class BusyError(UserError):
    """Another command is working on the systems of this machine."""


def local_systems(progress: Progress = lambda _: None) -> Systems:
    """Return the systems in TRESTLE_LOCAL_DIR or .local, and drop the user's AWS settings from this process."""
    isolate(os.environ)
    return Systems(local_folder(), progress)


def local_folder() -> Path:
    """Return the folder that holds all files of the local run."""
    return Path(os.environ.get("TRESTLE_LOCAL_DIR") or ROOT / ".local").resolve()


def isolate(variables: MutableMapping[str, str]) -> None:
    """Remove the user's AWS and Terraform settings from an environment: they must not affect the local run.

    TF_CLI_CONFIG_FILE stays, since it may name a mirror of the provider. Proxies stay, since Terraform may need them
    to download the provider. Requests to the emulator never use them: see emulator.client() and
    terraform.environment().
    """
    for name in list(variables):
        if name.startswith(("AWS_", "TF_", "BOTO_")) and name != "TF_CLI_CONFIG_FILE":
            del variables[name]
    variables.update(
        AWS_CONFIG_FILE=os.devnull,
        AWS_EC2_METADATA_DISABLED="true",
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
    )


@dataclass(frozen=True)
class Systems:
    """The systems in one folder, which also records which of them ran last."""

    folder: Path
    progress: Progress = field(default=lambda _: None)

    def current(self) -> System:
        """Return the running system, else the last one. Raise UserError with exit code 3 if none has ever run."""
        if running := self._running():
            return running
        last = self._last().get("folder")
        if last and (self.folder / last).is_dir():
            return self._system(self.folder / last)
        if self._has_previous_layout():
            return self._system(self.folder)
        raise UserError("No system has run here yet: start one with `python local.py up`.", exit_code=3)

    def up(
        self,
        var_files: Sequence[Path],
        port: int | None = None,
        confirm: Confirm = lambda _: False,
        root: Path | None = None,
    ) -> System:
        """Start a system, or apply changes to the running one. Return it.

        `root` is the user's own root configuration, or None for Trestle's. Without root and var-files, take those of
        the last run. Without a port, take that of the running system or the last run, at first DEFAULT_PORT. If
        another system is running, stop it first. Call `confirm` before items are deleted.
        """
        last = self._last()
        last_port: int = last.pop("port", DEFAULT_PORT)
        if var_files or root:
            last = {}
        if last.get("root"):
            root = Path(last["root"])
        named = list(var_files) or [Path(file) for file in last.get("var_files", ())]
        if not named and not root:
            named = [FIRST_VAR_FILE]
        if not var_files and (gone := next((file for file in named if not file.is_file()), None)):
            raise UserError(f"The var-file {gone} of the last run does not exist: name another one with --var-file.")
        if root:
            tfvars.check_names(tfvars.all_var_files(named, root), user_root.read(root).variables)
        else:
            tfvars.check(named)
        with self.lock():
            find_terraform()
            find_mirror()
            build_functions(self.progress, root, is_laptop=True)
            settings = self._settings(named, root)
            # The plan would find the same faults, but only after the running system was stopped.
            if faults := settings.get("faults"):
                raise UserError("\n".join(faults))
            runs = self._running()
            running = runs.emulator.running() if runs else None
            if port is None:
                port = running.port if running else last_port
            if self._adopt_previous_layout() and runs and runs.folder == self.folder:
                runs = running = None
            system = self._system_of(settings)
            if runs and running and runs.folder == system.folder:
                if port != running.port:
                    raise UserError(
                        f"{system.name} is running on port {running.port}: first run `python local.py down`."
                    )
            elif not running or port != running.port:
                check_port(port)
            if runs and runs.folder != system.folder:
                self.progress(f"Stopping {runs.name} (its data is kept) ...")
                runs.stop()
            system.apply(settings, named, port, confirm)
            remembered = {"folder": system.folder.name, "port": port, "var_files": [str(file) for file in named]}
            if root:
                remembered["root"] = str(root)
            if remembered != read_json(self.folder / "last.json"):
                write_json(self.folder / "last.json", remembered)
            return system

    def reapply(self) -> Running:
        """Build and apply again, with the variables of the running system."""
        system = self.current()
        system.running()
        return self.up(system.var_files, root=system.root).running()

    def down(self, purge: bool = False) -> tuple[str, bool] | None:
        """Stop the running system. With `purge`, delete the data of that system or the last one.

        Return its name and whether it was running, or None if no system has ever run.
        """
        with self.lock():
            try:
                system = self.current()
            except UserError:
                return None
            ran = system.emulator.running() is not None
            system.stop(save=not purge)
            system = self._adopt_previous_layout() or system
            name = system.name
            if purge:
                system.purge()
            return name, ran

    def stop(self, system: System) -> None:
        """Stop a system if it is running."""
        with self.lock():
            system.stop()

    def other_names(self) -> list[str]:
        """Return the names of the other systems that have data here."""
        current = self.current().folder
        return [system.name for system in self._systems() if system.folder != current]

    def _systems(self) -> Iterator[System]:
        for identity in sorted(self.folder.glob("*/system.json")):
            yield self._system(identity.parent)

    def _system(self, folder: Path) -> System:
        return System(folder, self.progress)

    def _system_of(self, settings: dict[str, Any]) -> System:
        """Return the system with these settings.

        Two systems can have the same NAME-ENVIRONMENT, such as a-b with c and a with b-c. The second gets a number.
        """
        identity = {part: settings[part] for part in ("name", "environment")}
        named, number = "{name}-{environment}".format(**identity), 1
        while True:
            system = self._system(self.folder / (named if number == 1 else f"{named}-{number}"))
            system.folder.mkdir(exist_ok=True)
            # The folder is empty, or has only leftovers of a killed command.
            is_new = all(is_leftover(file.name) for file in system.folder.iterdir())
            if is_new or system.identity == identity:
                if not (system.folder / "system.json").exists():
                    write_json(system.folder / "system.json", identity)
                return system
            number += 1

    def _running(self) -> System | None:
        systems = [*self._systems(), *([self._system(self.folder)] if self._has_previous_layout() else [])]
        return next((system for system in systems if system.emulator.running()), None)

    def _last(self) -> dict[str, Any]:
        """Return the folder, port and var-files of the last run, or an empty dict."""
        known = read_json(self.folder / "last.json")
        return known or read_json(self.folder / "settings.json") or {}

    def _has_previous_layout(self) -> bool:
        return (self.folder / "settings.json").is_file()

    def _adopt_previous_layout(self) -> System | None:
        """Move the files of an earlier version from the folder to that of its system. Return the system."""
        if not self._has_previous_layout():
            return None
        settings = (read_json(self.folder / "settings.json") or {}).get("settings", {})
        if not settings.keys() >= {"name", "environment"}:
            settings = {"name": "previous", "environment": "layout"}
        self._system(self.folder).stop()
        system = self._system_of(settings)
        # Move the settings last: as long as they are here, the next command moves the remaining files.
        for name in sorted(PREVIOUS, key=lambda name: name == "settings.json"):
            if (self.folder / name).exists() and not (system.folder / name).exists():
                (self.folder / name).rename(system.folder / name)
        return system

    def _settings(self, var_files: Sequence[Path], root: Path | None) -> dict[str, Any]:
        """Return the settings that Terraform derives from the variables. Evaluate them only if inputs have changed."""
        cache = self.folder / "evaluated.json"
        asked = fingerprint(var_files, root)
        known: dict[str, Any] = read_json(cache) or {}
        if asked not in known:
            # Keep the newest ones: users go back and forth between a few variants.
            known = dict(list(known.items())[-9:]) | {asked: self._evaluate(var_files, root)}
            write_json(cache, known)
        settings: dict[str, Any] = known[asked]
        return settings

    def _evaluate(self, var_files: Sequence[Path], root: Path | None) -> dict[str, Any]:
        """Evaluate the settings with Terraform. For the user's own root, use a temporary emulator."""
        log = self.folder / "terraform.log"
        if not root:
            offline = environment("http://127.0.0.1:1", "us-east-1")
            return Terraform(self.folder, offline, log, self.progress).facts(var_files)
        own, folder = user_root.read(root), self.folder / "evaluation"
        emulator = Emulator(folder / "emulator")
        try:
            running = emulator.start(free_port(), "us-east-1")
            own.stage(folder / "root", {"local": {"path": "terraform.tfstate"}}, {})
            variables = environment(running.endpoint, running.region)
            terraform = Terraform(folder / "root", variables, log, self.progress, is_locked=False)
            terraform.init_once()
            found = evaluate_tools(terraform, own, var_file_arguments(var_files))
        finally:
            emulator.stop()
            shutil.rmtree(emulator.folder, ignore_errors=True)
        return {**found, "root": str(root)}

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Let only one command at a time work on these systems."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)  # the state holds the keys' values
        with (self.folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BusyError(
                    "Another command is using the local run: wait until it has ended, then try again."
                ) from None
            yield


def evaluate_tools(terraform: Terraform, own: user_root.UserRoot, arguments: Sequence[str]) -> dict[str, Any]:
    """Return the values of a root's output `tools` of modules/service that are known before an apply.

    Raise UserError if a value that a run needs is not known.
    """
    asked = {name: f"module.{own.call}.tools.{name}" for name in (*NEEDED, *USEFUL)}
    found = terraform.evaluate_each(asked, arguments)
    why = "it is known only after an apply"
    # Unlike a plan, an evaluation reads no data sources.
    if not found.keys() >= {*NEEDED} and own.read_first:
        try:
            terraform.read_data(own.read_first, arguments)
            found = terraform.evaluate_each(asked, arguments)
        except UserError as error:
            why = str(error).rstrip(".")
    if missing := next((name for name in NEEDED if name not in found), None):
        raise UserError(
            f"module.{own.call} in {own.folder}: the local run needs the value of {missing} before the first "
            f"apply ({why}). Write a constant, or use a variable."
        )
    return found
