"""Watch files, and update the running system: functions' code directly, everything else by an apply.

Terraform does not know about code that is updated directly. The next `up` notices this, and uploads the packages of
dist/ again.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

import build
from tools import tfvars
from tools.console import print_note
from tools.dist import read_manifest
from tools.errors import UserError
from tools.files import read_json
from tools.laptop.emulator import Running, client
from tools.laptop.logs import INTERVAL as LOG_INTERVAL
from tools.laptop.logs import Follower, functions_of
from tools.laptop.system import Confirm, System, resources_of
from tools.laptop.systems import BusyError, Systems
from tools.sources import sources
from tools.terraform import ROOT, configuration_files

INTERVAL = 0.2  # seconds between two checks of the files
SETTLED = 0.05  # seconds without a further change, since editors save in several steps

RETRIED = 1.0  # seconds before a retry if another command is running

PARALLEL = 8  # functions that are updated at the same time

ALIAS = "live"  # the alias that all callers of a function invoke

Stamp = tuple[int, int, int]
Manifest = Mapping[str, Any]


def stamps(files: Iterable[Path]) -> dict[Path, Stamp]:
    """Return the time, size and inode of each file that exists."""
    found = {}
    for file in files:
        try:
            state = file.stat()
        except OSError:
            continue
        found[file] = (state.st_mtime_ns, state.st_size, state.st_ino)
    return found


def code_files(project: Path) -> list[Path]:
    """Return the source files of the functions."""
    return [*sources(ROOT / "lambda_src"), *sources(project / "app"), *sources(project / "schemas")]


def settings_files(var_files: Iterable[Path], root: Path | None) -> list[Path]:
    """Return the files whose changes need an apply: var-files, and the Terraform files in the user's folder `root`."""
    return [*tfvars.all_var_files(list(var_files), root), *(configuration_files(root) if root else ())]


def contents(files: Iterable[Path]) -> dict[Path, bytes]:
    """Return the content of each file that exists."""
    return {file: file.read_bytes() for file in files if file.is_file()}


def needs_apply(before: Manifest, after: Manifest, used: Iterable[str] = ()) -> list[str]:
    """Return the files whose changes need an apply, from two manifests of the build.

    These are schemas whose derived schemas ("shapes") have changed, modules of app/ that define other hooks, and
    packages in `used` that the build no longer has.
    """

    def shapes(manifest: Manifest) -> dict[str, Any]:
        return {path: {**entry, "sha256": ""} for path, entry in manifest["schemas"].items()}

    def hooks(manifest: Manifest) -> dict[str, Any]:
        return {entry["file"]: entry["hooks"] for entry in manifest["app"].values() if entry["hooks"]}

    found = {
        path
        for kind in (shapes, hooks)
        for path in {*kind(before), *kind(after)}
        if kind(before).get(path) != kind(after).get(path)
    }
    return sorted(found) or [f"dist/{name}.zip" for name in sorted({*used} - after["functions"].keys())]


# The first argument of a function of app/, by its kind. The build calls it "event", since it does not know the kind.
_ARGUMENTS = {"changes": "change", "event": "event", "routes": "request"}


def function_faults(configurations: Mapping[str, Mapping[str, Any]], manifest: Manifest) -> list[str]:
    """Return a message for each Python function that a running function calls, but the new build of app/ lacks.

    A Python function with the wrong arguments also gets a message.

    The configurations are those that trestle.own.function reads, by the function's key in the tfvars.
    """
    faults = []
    for key, settings in sorted(configurations.items()):
        module = manifest["app"].get(settings["code"], {"file": f"app/{settings['code']}.py", "functions": {}})
        called = [route["call"] for route in settings.get("routes", {}).values()] or [settings.get("handle", "handle")]
        for name in sorted({*called}):
            found = module["functions"].get(name)
            if found is None:
                faults.append(f"{module['file']} does not define {name}, which the function {key} calls.")
            elif found.get("fault"):
                argument = _ARGUMENTS.get(settings.get("kind", ""), "job")
                fault = found["fault"].replace("event, context", f"{argument}, context")
                faults.append(f"{module['file']} line {found['line']}: {name} {fault}.")
    return faults


def packages_to_push(deployed: Mapping[str, str], packages: Mapping[str, str], manifest: Manifest) -> dict[str, str]:
    """Return the functions whose code differs from the build, each with its package.

    `deployed` maps each function to the digest of its code, and `packages` maps it to the name of its package without
    .zip. Functions whose package is not in the build are skipped: Terraform deletes them.
    """
    built = {name: entry["source_code_hash"] for name, entry in manifest["functions"].items()}
    return {
        function: package
        for function, package in packages.items()
        if package in built and deployed.get(function) not in (None, built[package])
    }


@dataclass
class Functions:
    """The functions of the running system, as Terraform created them, and their code."""

    system: System
    running: Running
    # Functions whose code was sent, but whose alias may not point to it yet.
    unfinished: set[str] = field(default_factory=set)
    # The versions that this class has published, by function, oldest first.
    published: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.client = client("lambda", self.running)
        made = [
            each
            for each in resources_of(self.system.emulator.terraform_state(self.running), "aws_lambda_function")
            # The user's own Terraform may have other functions, whose packages are elsewhere.
            if each.get("s3_bucket") == f"packages-{self.running.region}"
        ]
        self.packages = {each["function_name"]: each["s3_key"].removesuffix(".zip") for each in made}
        variables = [part.get("variables") or {} for each in made for part in each.get("environment") or ()]
        own = [json.loads(each["FUNCTION"]) for each in variables if "FUNCTION" in each]
        self.configurations = {each["name"]: each for each in own}

    def push(self, dist: Path, manifest: Manifest) -> tuple[list[str], list[str]]:
        """Deploy the code of a build. Return the functions that changed, and those pinned to another version."""
        pages = self.client.get_paginator("list_functions").paginate()
        deployed = {each["FunctionName"]: each["CodeSha256"] for page in pages for each in page["Functions"]}
        deployed |= dict.fromkeys(self.unfinished, "")
        changed = packages_to_push(deployed, self.packages, manifest)
        released = read_json(self.system.live_file) or {}
        pinned = {name for part in ("live", "canary") for name in (released.get(part) or {}).get("versions", ())}
        self.unfinished |= {*changed}
        codes = {package: (dist / f"{package}.zip").read_bytes() for package in {*changed.values()}}

        def one(name: str) -> None:
            self._push(name, codes[changed[name]], is_pinned=name in pinned)

        with ThreadPoolExecutor(PARALLEL) as pool:
            list(pool.map(one, changed))
        return sorted(changed), sorted(pinned & changed.keys())

    def _push(self, name: str, code: bytes, *, is_pinned: bool) -> None:
        self.client.update_function_code(FunctionName=name, ZipFile=code)
        # The waiter's default delay is five seconds.
        self.client.get_waiter("function_updated_v2").wait(
            FunctionName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 1200}
        )
        version = self.client.publish_version(FunctionName=name)["Version"]
        if not is_pinned:
            self.client.update_alias(FunctionName=name, Name=ALIAS, FunctionVersion=version)
            self._forget(name, version)
        self.unfinished.discard(name)

    def _forget(self, name: str, version: str) -> None:
        """Delete the published versions except the last two: the older one may still handle requests."""
        known = self.published.setdefault(name, [])
        if version not in known:
            known.append(version)
        while len(known) > 2:
            self.client.delete_function(FunctionName=name, Qualifier=known.pop(0))


class Watch:
    """Watches the files of a running system until the emulator stops.

    `since` is the time at which the system's last apply began, in milliseconds since the epoch. Files that were saved
    later are not applied yet.
    """

    def __init__(self, systems: Systems, system: System, confirm: Confirm, since: int) -> None:
        self.systems, self.system, self.confirm = systems, system, confirm
        self.ended = threading.Event()
        self.is_applying = False
        self.seen: dict[Path, Stamp] = {}  # the first check finds what has been saved since then
        self.is_waiting = False
        self.follower = Follower(system.outputs(), system.running(), since)
        self._adopt({file: text for file, text in self._settings().items() if file.stat().st_mtime * 1000 < since})

    @property
    def project(self) -> Path:
        """The folder with app/, schemas/ and dist/."""
        return self.system.root or ROOT

    def run(self) -> None:
        """Follow the files and the logs. Return when the emulator has stopped."""
        # The apply runs in the main thread, because Ctrl-C must reach it. The logs go on during an apply.
        threading.Thread(target=self._follow_logs, daemon=True).start()
        while not self.ended.wait(INTERVAL):
            if (now := self._stamps()) != self.seen:
                self.seen = wait_until_settled(now, self._stamps)
                self._deploy_changes(time.monotonic())

    def _follow_logs(self) -> None:
        while self.follower.look() or self.is_applying or self.system.emulator.running():
            time.sleep(LOG_INTERVAL)
        self.ended.set()

    def _stamps(self) -> dict[Path, Stamp]:
        return stamps([*code_files(self.project), *settings_files(self.system.var_files, self.system.root)])

    def _settings(self) -> dict[Path, bytes]:
        return contents(settings_files(self.system.var_files, self.system.root))

    def _adopt(self, settings: dict[Path, bytes]) -> None:
        """Record that the system was applied with these settings."""
        running = self.system.running()
        self.functions = Functions(self.system, running)
        self.manifest = read_manifest(self.project / "dist")
        self.settings = settings
        if running == self.follower.running:
            self.follower.functions = functions_of(self.system.outputs())
        else:
            self.follower = Follower(self.system.outputs(), running, int(time.time() * 1000))

    def _deploy_changes(self, began: float) -> None:
        """Deploy what was saved, or print why that is not possible."""
        try:
            with self.systems.lock():
                manifest = self._build()
                # If variables have changed as well, they may no longer name these functions. Then the apply below
                # reports what is wrong.
                faults = function_faults(self.functions.configurations, manifest)
                if faults and self._settings() == self.settings:
                    raise UserError("\n".join(faults))
                changed, pinned = self.functions.push(self.project / "dist", manifest)
            live = [name for name in changed if name not in pinned]
            if live:
                print_note(f"Live after {time.monotonic() - began:.1f} s: {', '.join(live)}.")
            if pinned:
                print_note(
                    f"Published, but a release or rollback keeps another version live: {', '.join(pinned)}. "
                    "`make release ENV=local` releases the new ones."
                )
            self._apply_if_needed(manifest)
            self.is_waiting = False
        except BusyError:
            if not self.is_waiting:
                print_note("Another command is using the local run. Your changes are applied when it has ended.")
            self.is_waiting, self.seen = True, {}
            self.ended.wait(RETRIED)
        except (build.BuildError, UserError) as error:
            print_note(f"{error}\nThe previous code stays live. Fix this and save again.")
        except (BotoCoreError, ClientError) as error:
            # If the emulator has stopped, there is nothing more to do.
            if not self.ended.wait(2 * LOG_INTERVAL):
                print_note(f"The emulator did not accept the new code: {error}. Save again to retry.")

    def _build(self) -> Manifest:
        """Update dist/, and return its manifest."""
        dist = self.project / "dist"
        found = build.Sources(ROOT, self.system.root, "laptop")
        manifest = read_manifest(dist)
        if build.is_current(dist, manifest, found, "none" if manifest.get("bytecode") is None else "auto"):
            return manifest
        build.write(dist, build.build_files(found, "auto"))
        return read_manifest(dist)

    def _apply_if_needed(self, manifest: Manifest) -> None:
        settings = self._settings()
        changed = sorted(
            tfvars.display_name(file)
            for file in {*settings, *self.settings}
            if settings.get(file) != self.settings.get(file)
        )
        changed += needs_apply(self.manifest, manifest, self.functions.packages.values())
        if not changed:
            return
        print_note(f"Applying {', '.join(changed)}. Changes that you save meanwhile are applied afterwards.")
        self.is_applying = True
        try:
            self.system = self.systems.up(self.system.var_files, confirm=self.confirm, root=self.system.root)
            self._adopt(settings)
        finally:
            self.is_applying = False
        print_note(f"{self.system.name} is up to date.")


def wait_until_settled(found: dict[Path, Stamp], look: Callable[[], dict[Path, Stamp]]) -> dict[Path, Stamp]:
    """Return the stamps once two checks in a row find the same."""
    while True:
        time.sleep(SETTLED)
        if (again := look()) == found:
            return found
        found = again
