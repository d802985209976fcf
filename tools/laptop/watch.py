"""Bring what is saved to the running system: functions' code at once and without Terraform, the rest by an apply.

A plain `up` afterwards finds the functions' code changed outside Terraform, as it does when somebody changes it by
hand: it uploads the packages of dist/ once more, and then everything is as described.
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

INTERVAL = 0.2  # seconds between two looks at the files
SETTLED = 0.05  # seconds without a further change, since an editor saves in several steps

RETRIED = 1.0  # seconds after which it is tried again while another command is at work

PARALLEL = 8  # functions that get their code at a time

ALIAS = "live"  # which all callers of a function invoke

Stamp = tuple[int, int, int]
Manifest = Mapping[str, Any]


def stamps(files: Iterable[Path]) -> dict[Path, Stamp]:
    """Return what tells the versions of files apart; nothing of those that are gone."""
    found = {}
    for file in files:
        try:
            state = file.stat()
        except OSError:
            continue
        found[file] = (state.st_mtime_ns, state.st_size, state.st_ino)
    return found


def code_files(project: Path) -> list[Path]:
    """Return the files that the functions are built from."""
    return [*sources(ROOT / "lambda_src"), *sources(project / "app"), *sources(project / "schemas")]


def settings_files(var_files: Iterable[Path], root: Path | None) -> list[Path]:
    """Return the files whose change needs Terraform: the var-files, and the Terraform of a root of the user's own."""
    return [*tfvars.all_var_files(list(var_files), root), *(configuration_files(root) if root else ())]


def contents(files: Iterable[Path]) -> dict[Path, bytes]:
    """Return what files hold, of those that are there."""
    return {file: file.read_bytes() for file in files if file.is_file()}


def needs_apply(before: Manifest, after: Manifest, used: Iterable[str] = ()) -> list[str]:
    """Return the files of which Terraform has to know more than the code, by two manifests of the build.

    These are schemas whose shapes differ and modules of app/ whose hooks do. Of the packages `used`, those that the
    build lacks.
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


# The first argument of a function of app/, by its kind; the build calls it "event", since it does not know the kind.
_ARGUMENTS = {"changes": "change", "event": "event", "routes": "request"}


def function_faults(configurations: Mapping[str, Mapping[str, Any]], manifest: Manifest) -> list[str]:
    """Return what keeps the running functions from calling what a build has in app/, as sentences.

    The configurations are those that trestle.own.function reads, by the function's key in the tfvars.
    """
    faults = []
    for key, settings in sorted(configurations.items()):
        module = manifest["app"].get(settings["code"], {"file": f"app/{settings['code']}.py", "functions": {}})
        called = [route["call"] for route in settings.get("routes", {}).values()] or [settings.get("handle", "handle")]
        for name in sorted({*called}):
            found = module["functions"].get(name)
            if found is None:
                faults.append(f"{module['file']} defines no {name}, which the function {key} calls.")
            elif found.get("fault"):
                argument = _ARGUMENTS.get(settings.get("kind", ""), "job")
                fault = found["fault"].replace("event, context", f"{argument}, context")
                faults.append(f"{module['file']} line {found['line']}: {name} {fault}.")
    return faults


def packages_to_push(deployed: Mapping[str, str], packages: Mapping[str, str], manifest: Manifest) -> dict[str, str]:
    """Return the functions whose code differs from the build, each with its package.

    `deployed` has the code's digest by function, `packages` the name of its package without .zip. A function whose
    package the build lacks is left to Terraform.
    """
    built = {name: entry["source_code_hash"] for name, entry in manifest["functions"].items()}
    return {
        function: package
        for function, package in packages.items()
        if package in built and deployed.get(function) not in (None, built[package])
    }


@dataclass
class Functions:
    """The functions of the running system, as Terraform made them, and their code."""

    system: System
    running: Running
    # Functions whose code was sent and whose alias may not have followed.
    unfinished: set[str] = field(default_factory=set)
    # The versions that were published here, by function, oldest first.
    published: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.client = client("lambda", self.running)
        made = [
            each
            for each in resources_of(self.system.emulator.terraform_state(self.running), "aws_lambda_function")
            if each.get("s3_bucket") == f"packages-{self.running.region}"  # not a function of the user's own root
        ]
        self.packages = {each["function_name"]: each["s3_key"].removesuffix(".zip") for each in made}
        variables = [part.get("variables") or {} for each in made for part in each.get("environment") or ()]
        own = [json.loads(each["FUNCTION"]) for each in variables if "FUNCTION" in each]
        self.configurations = {each["name"]: each for each in own}

    def push(self, dist: Path, manifest: Manifest) -> tuple[list[str], list[str]]:
        """Make the code of a build live; return the functions that changed, and those pinned to another version."""
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
        # The waiter's own pause is five seconds.
        self.client.get_waiter("function_updated_v2").wait(
            FunctionName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 1200}
        )
        version = self.client.publish_version(FunctionName=name)["Version"]
        if not is_pinned:
            self.client.update_alias(FunctionName=name, Name=ALIAS, FunctionVersion=version)
            self._forget(name, version)
        self.unfinished.discard(name)

    def _forget(self, name: str, version: str) -> None:
        """Delete what was published here before the last version, which may still be answering."""
        known = self.published.setdefault(name, [])
        if version not in known:
            known.append(version)
        while len(known) > 2:
            self.client.delete_function(FunctionName=name, Qualifier=known.pop(0))


class Watch:
    """A running system that follows its files until the emulator stops.

    `since` is when its apply began, in milliseconds of the epoch: what was saved after that is still to be applied.
    """

    def __init__(self, systems: Systems, system: System, confirm: Confirm, since: int) -> None:
        self.systems, self.system, self.confirm = systems, system, confirm
        self.ended = threading.Event()
        self.is_applying = False
        self.seen: dict[Path, Stamp] = {}  # the first look brings what was saved meanwhile
        self.is_waiting = False
        self.follower = Follower(system.outputs(), system.running(), since)
        self._adopt({file: text for file, text in self._settings().items() if file.stat().st_mtime * 1000 < since})

    @property
    def project(self) -> Path:
        """The folder with app/, schemas/ and dist/."""
        return self.system.root or ROOT

    def run(self) -> None:
        """Follow the files and the logs; return when the emulator has stopped."""
        # The logs go on during an apply, and Ctrl-C has to reach the apply: so that is in the main thread.
        threading.Thread(target=self._follow_logs, daemon=True).start()
        while not self.ended.wait(INTERVAL):
            if (now := self._stamps()) != self.seen:
                self.seen = settled(now, self._stamps)
                self._bring(time.monotonic())

    def _follow_logs(self) -> None:
        while self.follower.look() or self.is_applying or self.system.emulator.running():
            time.sleep(LOG_INTERVAL)
        self.ended.set()

    def _stamps(self) -> dict[Path, Stamp]:
        return stamps([*code_files(self.project), *settings_files(self.system.var_files, self.system.root)])

    def _settings(self) -> dict[Path, bytes]:
        return contents(settings_files(self.system.var_files, self.system.root))

    def _adopt(self, settings: dict[Path, bytes]) -> None:
        """Take what was applied with these settings for what there is."""
        running = self.system.running()
        self.functions = Functions(self.system, running)
        self.manifest = read_manifest(self.project / "dist")
        self.settings = settings
        if running == self.follower.running:
            self.follower.functions = functions_of(self.system.outputs())
        else:
            self.follower = Follower(self.system.outputs(), running, int(time.time() * 1000))

    def _bring(self, began: float) -> None:
        """Make what was saved live, or tell what stands in its way."""
        try:
            with self.systems.lock():
                manifest = self._build()
                # Changed variables may name other functions: then the plan says what is wrong.
                faults = function_faults(self.functions.configurations, manifest)
                if faults and self._settings() == self.settings:
                    raise UserError("\n".join(faults))
                changed, pinned = self.functions.push(self.project / "dist", manifest)
            live = [name for name in changed if name not in pinned]
            if live:
                print_note(f"Live after {time.monotonic() - began:.1f} s: {', '.join(live)}.")
            if pinned:
                print_note(
                    f"Published, but a release or rollback has another version live: {', '.join(pinned)}. "
                    "`make release ENV=local` releases the new ones."
                )
            self._apply_if_needed(manifest)
            self.is_waiting = False
        except BusyError:
            if not self.is_waiting:
                print_note("Another command is at work on the local run: what you saved is live after that.")
            self.is_waiting, self.seen = True, {}
            self.ended.wait(RETRIED)
        except (build.BuildError, UserError) as error:
            print_note(f"{error}\nWhat was live goes on; save again once that is mended.")
        except (BotoCoreError, ClientError) as error:
            # Where the emulator has stopped, there is nothing more to do.
            if not self.ended.wait(2 * LOG_INTERVAL):
                print_note(f"The emulator did not take the new code: {error}. Save again to try again.")

    def _build(self) -> Manifest:
        """Bring dist/ up to date; return its manifest."""
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
        print_note(f"Applying {', '.join(changed)}. What is saved meanwhile follows after that.")
        self.is_applying = True
        try:
            self.system = self.systems.up(self.system.var_files, confirm=self.confirm, root=self.system.root)
            self._adopt(settings)
        finally:
            self.is_applying = False
        print_note(f"{self.system.name} is as described.")


def settled(found: dict[Path, Stamp], look: Callable[[], dict[Path, Stamp]]) -> dict[Path, Stamp]:
    """Return the stamps once two looks in a row see the same."""
    while True:
        time.sleep(SETTLED)
        if (again := look()) == found:
            return found
        found = again
