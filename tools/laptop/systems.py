"""The systems on this machine: each has a folder of its own, and one of them runs at a time."""

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

# What a run has to know before it begins of the variables of a root of the user's own, and what helps: the outputs
# of an apply have all of it.
NEEDED = ("name", "environment", "region", "api_keys", "takes_website")
USEFUL = ("faults",)

# What the folder held when it was that of one system.
PREVIOUS = (
    "api-keys.json", "applied", "emulator", "outputs.json", "root", "settings.json", "terraform.log",
    "terraform.tfstate", "terraform.tfstate.backup", "users.json",
)  # fmt: skip


class BusyError(UserError):
    """Another command works on the systems of this machine."""


def local_systems(progress: Progress = lambda _: None) -> Systems:
    """Return the systems of TRESTLE_LOCAL_DIR or .local, and isolate this process from the user's AWS."""
    isolate(os.environ)
    return Systems(local_folder(), progress)


def local_folder() -> Path:
    """Return the folder that holds all files of the laptop run."""
    return Path(os.environ.get("TRESTLE_LOCAL_DIR") or ROOT / ".local").resolve()


def isolate(variables: MutableMapping[str, str]) -> None:
    """Drop the user's AWS and Terraform settings from an environment: they concern AWS, never this machine.

    TF_CLI_CONFIG_FILE stays, which may name a mirror of the provider, and so do proxies, through which
    Terraform may have to download it. No request to the emulator goes through them: see emulator.client() and
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
    """The systems whose folders lie in one folder, which also remembers what ran last."""

    folder: Path
    progress: Progress = field(default=lambda _: None)

    def current(self) -> System:
        """Return the system that runs, else the one that ran last; stop with exit code 3 if none ever ran."""
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
        """Bring a system up, or change the running one in place; return it.

        The root is the user's own, which calls modules/service, or None for Trestle's. Without root and var-files
        it is the system that ran last. Another one that runs is stopped first. Without a port it is that of what
        runs or ran last, at first DEFAULT_PORT. `confirm` is asked before items are deleted.
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
            raise UserError(f"The var-file {gone}, which ran last, is gone: name another with --var-file.")
        if root:
            tfvars.check_names(tfvars.all_var_files(named, root), user_root.read(root).variables)
        else:
            tfvars.check(named)
        with self.lock():
            find_terraform()
            find_mirror()
            build_functions(self.progress, root, is_laptop=True)
            settings = self._settings(named, root)
            # The plan would refuse the same, but after the system that runs was stopped.
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
                        f"{system.name} runs on port {running.port}: run `python local.py down` before you move it."
                    )
            elif not running or port != running.port:
                check_port(port)
            if runs and runs.folder != system.folder:
                self.progress(f"Stopping {runs.name}; its data stays for the next time ...")
                runs.stop()
            system.apply(settings, named, port, confirm)
            remembered = {"folder": system.folder.name, "port": port, "var_files": [str(file) for file in named]}
            if root:
                remembered["root"] = str(root)
            if remembered != read_json(self.folder / "last.json"):
                write_json(self.folder / "last.json", remembered)
            return system

    def again(self) -> Running:
        """Build and apply once more, with the variables that the running system has."""
        system = self.current()
        system.running()
        return self.up(system.var_files, root=system.root).running()

    def down(self, purge: bool = False) -> tuple[str, bool] | None:
        """Stop what runs; purge the data of what runs or ran last, if so asked.

        Return its name, and whether it ran; None if none ever did.
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
        """Stop a system, if it runs."""
        with self.lock():
            system.stop()

    def others(self) -> list[str]:
        """Return the names of the systems that have data here, besides the current one."""
        current = self.current().folder
        return [system.name for system in self._systems() if system.folder != current]

    def _systems(self) -> Iterator[System]:
        for identity in sorted(self.folder.glob("*/system.json")):
            yield self._system(identity.parent)

    def _system(self, folder: Path) -> System:
        return System(folder, self.progress)

    def _system_of(self, settings: dict[str, Any]) -> System:
        """Return the system of these settings.

        Two systems may share one NAME-ENVIRONMENT, as a-b with c and a with b-c: the second gets a number.
        """
        identity = {part: settings[part] for part in ("name", "environment")}
        named, number = "{name}-{environment}".format(**identity), 1
        while True:
            system = self._system(self.folder / (named if number == 1 else f"{named}-{number}"))
            system.folder.mkdir(exist_ok=True)
            # Nothing is there, or what a kill in this very moment left.
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
        """Return the folder, the port and the var-files of what ran last, or nothing."""
        known = read_json(self.folder / "last.json")
        return known or read_json(self.folder / "settings.json") or {}

    def _has_previous_layout(self) -> bool:
        return (self.folder / "settings.json").is_file()

    def _adopt_previous_layout(self) -> System | None:
        """Move what an earlier version kept in the folder itself into that of its system; return it."""
        if not self._has_previous_layout():
            return None
        settings = (read_json(self.folder / "settings.json") or {}).get("settings", {})
        if not settings.keys() >= {"name", "environment"}:
            settings = {"name": "previous", "environment": "layout"}
        self._system(self.folder).stop()
        system = self._system_of(settings)
        # The settings go last: while they are here, what is left is moved by the next command.
        for name in sorted(PREVIOUS, key=lambda name: name == "settings.json"):
            if (self.folder / name).exists() and not (system.folder / name).exists():
                (self.folder / name).rename(system.folder / name)
        return system

    def _settings(self, var_files: Sequence[Path], root: Path | None) -> dict[str, Any]:
        """Return what Terraform knows of the variables; it is asked when inputs changed."""
        cache = self.folder / "evaluated.json"
        asked = fingerprint(var_files, root)
        known: dict[str, Any] = read_json(cache) or {}
        if asked not in known:
            # The newest few: one changes back and forth, but no further.
            known = dict(list(known.items())[-9:]) | {asked: self._evaluate(var_files, root)}
            write_json(cache, known)
        settings: dict[str, Any] = known[asked]
        return settings

    def _evaluate(self, var_files: Sequence[Path], root: Path | None) -> dict[str, Any]:
        """Ask Terraform what the tools need to know; of the user's own root, on an emulator for this alone."""
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
        """Let one command at a time work on these systems."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)  # the state holds the keys' values
        with (self.folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BusyError(
                    "Another command is at work on the local run: wait until it is done, then try again."
                ) from None
            yield


def evaluate_tools(terraform: Terraform, own: user_root.UserRoot, arguments: Sequence[str]) -> dict[str, Any]:
    """Return what is known before an apply of the output `tools` of a root's call of modules/service.

    Raise UserError if that lacks what a run cannot begin without.
    """
    asked = {name: f"module.{own.call}.tools.{name}" for name in (*NEEDED, *USEFUL)}
    found = terraform.evaluate_each(asked, arguments)
    why = "it is known only after an apply"
    # An evaluation reads no data source, while a plan would.
    if not found.keys() >= {*NEEDED} and own.read_first:
        try:
            terraform.read_data(own.read_first, arguments)
            found = terraform.evaluate_each(asked, arguments)
        except UserError as error:
            why = str(error).rstrip(".")
    if missing := next((name for name in NEEDED if name not in found), None):
        raise UserError(
            f"module.{own.call} in {own.folder}: {missing} has no value before the first apply, and the local run "
            f"needs one ({why}). Write it out, or take it from a variable."
        )
    return found
