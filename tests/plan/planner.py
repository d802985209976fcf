"""Plan the root configuration with python-terraform, and read plans.

Each plan is made once, for all tests and pytest-xdist workers. Starting the provider takes as long as a small
plan, so each worker starts it once. Tests of many sets of variables share one plan with several modules
(`Planner.systems`).
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import json
import os
import shutil
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

from python_terraform import IsFlagged, Terraform  # type: ignore[import-untyped] # it has no types

from tools import terraform as local_terraform
from tools.laptop.emulator import Emulator, free_port

ROOT = Path(__file__).resolve().parents[2]
REGION = "us-west-2"
UNKNOWN = "(known after apply)"

Values = dict[str, Any]


class TerraformError(Exception):
    """Terraform stopped; the text is what it wrote to stderr, without its box drawing."""


def run(folder: Path, environment: Mapping[str, str], command: str, *arguments: str, **options: Any) -> str:
    """Run one terraform command in the folder and return its stdout.

    Options are python-terraform's: `lock=False` is -lock=false, a list repeats the flag, IsFlagged is bare.
    """
    terraform = Terraform(working_dir=str(folder), terraform_bin_path=str(local_terraform.find_terraform()))
    # python-terraform passes only os.environ on, and reports failures by a deprecated method.
    with mock.patch.dict(os.environ, environment, clear=True), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        code, out, err = terraform.cmd(command, *arguments, no_color=IsFlagged, **options)
    if code != 0:
        raise TerraformError(" ".join(err.replace("│", " ").replace("╷", " ").replace("╵", " ").split()))
    return str(out)


@contextlib.contextmanager
def hold_lock(path: Path) -> Iterator[None]:
    """Hold the lock file at the path, so that one pytest-xdist worker at a time continues."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def fill_unknown(planned: Any, unknown: Any) -> Any:
    """Put UNKNOWN where a planned value will be known only after the apply."""
    if unknown is True:
        return UNKNOWN
    if isinstance(unknown, dict):
        planned = planned or {}
        return {k: fill_unknown(planned.get(k), unknown.get(k)) for k in sorted(planned.keys() | unknown.keys())}
    if isinstance(unknown, list) and unknown:
        rest = [None] * (len(unknown) - len(planned or []))
        return [fill_unknown(p, u) for p, u in zip([*(planned or []), *rest], unknown, strict=True)]
    return planned


class Plan:
    """What a plan creates: resources by address, and outputs. UNKNOWN stands where the apply decides."""

    def __init__(
        self, file: Path, system: str | None = None, prefix: str = "module.service.", given: Values | None = None
    ) -> None:
        """Read a file of `terraform show -json`: the whole root, or one system in it with its output.

        For a root other than Trestle's own, the prefix selects the addresses. The file does not contain the
        variables of a system.
        """
        self.file = file
        self.system = system
        self.prefix = f'module.system["{system}"].' if system else prefix
        self.given = given or {}

    @functools.cached_property
    def data(self) -> Values:
        """The whole document: https://developer.hashicorp.com/terraform/internals/json-format"""
        document: Values = json.loads(self.file.read_text())
        return document

    @functools.cached_property
    def changes(self) -> dict[str, Values]:
        """The document's entries for resources by address."""
        return {
            r["address"].removeprefix(self.prefix): r
            for r in self.data["resource_changes"]
            if r["mode"] == "managed" and r["address"].startswith(self.prefix)
        }

    @functools.cached_property
    def resources(self) -> dict[str, Values]:
        """Planned values by address in modules/service, which contains all of the root's resources."""
        return {a: fill_unknown(r["change"]["after"], r["change"]["after_unknown"]) for a, r in self.changes.items()}

    @functools.cached_property
    def outputs(self) -> Values:
        """Output values by name."""
        found = {n: fill_unknown(c.get("after"), c["after_unknown"]) for n, c in self.data["output_changes"].items()}
        return found[self.system] if self.system else found

    @functools.cached_property
    def variables(self) -> Values:
        """The variables: all for the root, and for a system those that it sets and the region."""
        if self.system:
            return {"region": REGION, **self.given}
        return {name: variable.get("value") for name, variable in self.data["variables"].items()}

    @functools.cached_property
    def alone(self) -> Values:
        """The document with only this system's variables, outputs and planned values, in the form of a root's."""
        if not self.system:
            return self.data
        known = self.data["output_changes"][self.system]["after"]
        modules = self.data["planned_values"]["root_module"]["child_modules"]
        return {
            "planned_values": {
                "outputs": {name: {"value": value} for name, value in known.items()},
                "root_module": {"child_modules": [m for m in modules if f"{m['address']}." == self.prefix]},
            },
            "variables": {name: {"value": value} for name, value in self.variables.items()},
        }

    @functools.cached_property
    def configuration(self) -> Values:
        """The configuration of modules/service in the document."""
        root: Values = self.data["configuration"]["root_module"]
        module: Values = root["module_calls"]["system" if self.system else "service"]["module"]
        return module

    @functools.cached_property
    def counts(self) -> Counter[str]:
        """The number of resources of each type."""
        return Counter(r["type"] for r in self.changes.values())

    def all(self, kind: str) -> dict[str, Values]:
        """Return the resources of a type by address."""
        return {a: self.resources[a] for a, r in self.changes.items() if r["type"] == kind}

    def one(self, kind: str, part: str = "") -> Values:
        """Return the only resource of a type whose address contains the part."""
        found = {a: v for a, v in self.all(kind).items() if part in a}
        assert len(found) == 1, f"{kind} with {part!r} in its address: {sorted(found) or 'none'}"
        return next(iter(found.values()))


class Planner:
    """Plans against a running emulator, in folders of links to the repository."""

    def __init__(self, folder: Path, plans: Path, endpoint: str) -> None:
        """Use the working folder only in this process; other processes may share the plans."""
        self.folder = folder
        self.plans = plans
        self.environment = local_terraform.environment(endpoint, REGION)
        self.root = self.copy_root(folder / "root")

    def copy_root(self, folder: Path, overrides: Mapping[str, Values] | None = None) -> Path:
        """Lay out the root configuration in a folder, as links, ready to plan.

        Overrides, by module folder, replace arguments in that module: see `tools.terraform.stage`.
        """
        local_terraform.stage(folder, folder / "terraform.tfstate", overrides)
        self.init(folder)
        return folder

    def init(self, root: Path) -> None:
        """Install the provider and the modules."""
        run(root, self.environment, "init", input=False, plugin_dir=local_terraform.find_mirror())

    def __call__(self, *var_files: str, **variables: Any) -> Plan:
        """Return the plan of var-files, named from the repository's root, and variables that override."""
        key = hashlib.sha256(json.dumps([var_files, variables], sort_keys=True).encode()).hexdigest()[:8]
        return Plan(
            self.make_plan(self.root, "-".join([*(Path(f).stem for f in var_files), key]), var_files, variables)
        )

    def systems(self, name: str, systems: Mapping[str, Values]) -> dict[str, Plan]:
        """Return a plan of each set of variables: instances of modules/service in a root without default tags.

        The name is that of the one plan that contains all of them. A variable that a system does not set is null, and
        so has its default. Separate modules would take nearly twice as long, because Terraform would process the whole
        configuration for each.
        """
        root = local_terraform.stage(self.folder / name, self.folder / f"{name}.tfstate")
        for link in root.glob("*.tf"):
            link.unlink()
        names = sorted({name for variables in systems.values() for name in variables})
        configuration = {
            "provider": {"aws": {"region": REGION}},
            "locals": {"systems": {s: {n: v.get(n) for n in names} for s, v in systems.items()}},
            "module": {
                "system": {
                    "for_each": "${local.systems}",
                    "source": f"./{local_terraform.SERVICE}",
                    "project": "${path.root}",
                    **{name: f"${{each.value.{name}}}" for name in names},
                }
            },
            "output": {name: {"value": f'${{module.system["{name}"]}}'} for name in systems},
        }
        (root / "main.tf.json").write_text(json.dumps(configuration))
        self.init(root)
        file = self.make_plan(root, name, (), {})
        return {system: Plan(file, system, given=given) for system, given in systems.items()}

    def make_plan(self, root: Path, name: str, var_files: Sequence[str], variables: Values) -> Path:
        """Return the file of a plan, as JSON, and make it first if it does not exist."""
        file = self.plans / f"{name}.json"
        with hold_lock(file.with_suffix(".lock")):
            if not file.exists():
                binary, extra, partial = (file.with_suffix(s) for s in (".tfplan", ".tfvars.json", ".partial"))
                extra.write_text(json.dumps(variables))
                files = [str(ROOT / f) for f in var_files] + [str(extra)]
                run(root, self.environment, "plan", input=False, lock=False, var_file=files, out=str(binary))
                partial.write_text(run(root, self.environment, "show", str(binary), json=IsFlagged))
                partial.rename(file)
        return file


@contextlib.contextmanager
def start_planner(folder: Path, plans: Path | None = None) -> Iterator[Planner]:
    """Build the packages and start an emulator. Plans are kept in a folder that other processes may share."""
    plans = plans or folder
    with hold_lock(plans / "build.lock"):
        subprocess.run([sys.executable, ROOT / "build.py"], check=True, stdout=subprocess.DEVNULL)
    emulator = Emulator(folder / "emulator")
    try:
        planner = Planner(folder / "root", plans, emulator.start(free_port(), REGION).endpoint)
        with local_terraform.provider(planner.root, planner.environment) as running:
            planner.environment |= running
            yield planner
    finally:
        emulator.stop()


def project_of(folder: Path, code: dict[str, str]) -> Path:
    """Return a project with modules in its app/, built."""
    project = folder / "project"
    for name in ("app", "schemas"):
        (project / name).mkdir(parents=True)
    shutil.copy(ROOT / "schemas" / "order.json", project / "schemas")
    for name, text in code.items():
        (project / "app" / f"{name}.py").write_text(text)
    subprocess.run([sys.executable, ROOT / "build.py", "--project", project], check=True, stdout=subprocess.DEVNULL)
    return project


def plan_as_module(planner: Planner, root: Path) -> Plan:
    """Return the plan of examples/as-module, in a folder with the repository's layout."""
    local_terraform.copy_modules(root, {})
    for name in ("contract", "lambda_src", "requirements", "web"):
        (root / name).symlink_to(ROOT / name)
    example = root / "examples" / "as-module"
    left_out = shutil.ignore_patterns(".terraform*", "dist", "*.tfstate*")
    shutil.copytree(ROOT / "examples" / "as-module", example, ignore=left_out)
    subprocess.run([sys.executable, ROOT / "build.py", "--project", example], check=True, capture_output=True)
    # One provider process cannot serve two configurations.
    environment = {k: v for k, v in planner.environment.items() if k != "TF_REATTACH_PROVIDERS"}
    run(example, environment, "init", input=False, plugin_dir=local_terraform.find_mirror())
    run(example, environment, "plan", input=False, lock=False, out="plan.tfplan")
    file = root / "as-module.json"
    file.write_text(run(example, environment, "show", "-json", "plan.tfplan"))
    return Plan(file, prefix="module.api.")
