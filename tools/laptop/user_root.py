"""Stage a root configuration of the user's own, which calls modules/service, for the local run."""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hcl2
from lark.exceptions import LarkError

from tools.errors import UserError
from tools.sources import is_leftover
from tools.terraform import OVERRIDE, ROOT, SERVICE, configuration_files, copy_modules, write_override
from tools.tfvars import OPTIONS, Type, labelled_bodies, object_of

QUOTE = '"'

# The folder of the staged configuration that links to Trestle.
TRESTLE = ".trestle"

# The folders beside modules/ that the modules read.
BESIDE_MODULES = ("contract", "lambda_src", "requirements", "web")

# The staged configuration has two outputs: all outputs of the module except the OpenAPI document, which is large, and
# the settings that the tools read.
OUTPUT, TOOLS = "trestle_outputs", "trestle_tools"
OUTPUTS = '${{ for name, value in module.%s : name => value if !contains(["openapi_document", "tools"], name) }}'

# The files that the stage writes. They must not be links: writing to a link would change the user's own file.
WRITTEN = (OVERRIDE, "trestle.tf.json")

# The live versions in AWS do not apply here.
NOT_LINKED = ("environments",)


@dataclass(frozen=True)
class UserRoot:
    """A folder with Terraform files, and its call of modules/service."""

    folder: Path
    call: str  # name of the module call
    arguments: frozenset[str]  # names of the arguments that the call passes
    outside: Mapping[str, Path]  # folders of modules outside the root, by name of their call
    providers: int  # how many configurations of the AWS provider it has
    variables: Type  # its variables, as attributes of one object
    read_first: tuple[str, ...]  # addresses of data sources and modules that the call's arguments may depend on

    def stage(self, folder: Path, backend: Mapping[str, Any], overrides: Mapping[str, Any], **arguments: Any) -> Path:
        """Link the configuration into a folder, with another backend and this copy of Trestle. Return the folder.

        Overrides are as in `tools.terraform.stage`. Arguments that the call itself passes are not replaced.
        """
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            if old.is_symlink():
                old.unlink()
        for source in self.folder.iterdir():
            if not is_leftover(source.name) and ".tfstate" not in source.name and source.name not in NOT_LINKED:
                (folder / source.name).symlink_to(source)
        lock = self.folder / ".terraform.lock.hcl"
        shutil.copyfile(lock if lock.exists() else ROOT / lock.name, folder / lock.name)
        trestle = folder / TRESTLE
        shutil.rmtree(trestle, ignore_errors=True)
        trestle.mkdir()
        for name in BESIDE_MODULES:
            (trestle / name).symlink_to(ROOT / name)
        copy_modules(trestle, overrides)
        calls: dict[str, Any] = {}
        outside = trestle / "outside"  # in its own folder, since a call may be named "web" or "modules"
        outside.mkdir()
        for name, path in self.outside.items():
            (outside / name).symlink_to(path)
            calls[name] = {"source": f"./{TRESTLE}/outside/{name}"}
        passed = {name: value for name, value in arguments.items() if name not in self.arguments}
        calls[self.call] = {"source": f"./{TRESTLE}/{SERVICE}", "project": "${path.root}", **passed}
        write_override(folder, {"terraform": {"backend": backend}, "module": calls})
        values = {OUTPUT: OUTPUTS % self.call, TOOLS: f"${{module.{self.call}.tools}}"}
        # The output is sensitive if an argument is. Only the owner can read the state.
        outputs = {name: {"value": value, "sensitive": True} for name, value in values.items()}
        (folder / WRITTEN[1]).write_text(json.dumps({"output": outputs}, indent=2) + "\n")
        return folder


def read(folder: Path) -> UserRoot:
    """Return a user's root configuration. Raise UserError unless it calls modules/service exactly once."""
    if not folder.is_dir():
        raise UserError(f"There is no folder {folder}: set --root to the folder of your Terraform configuration.")
    if taken := next((folder / name for name in WRITTEN if (folder / name).exists()), None):
        raise UserError(f"{taken} has the name of a file that the local run creates: rename it.")
    configuration = blocks(folder)
    calls: dict[str, dict[str, Any]] = {}
    for name, body in configuration["module"]:  # an override file holds only a part of a call
        calls[name] = calls.get(name, {}) | body
    found = [name for name, body in calls.items() if is_service(body)]
    if len(found) != 1:
        fault = f"calls {SERVICE} more than once ({', '.join(found)})" if found else f"does not call {SERVICE}"
        raise UserError(f"{folder} {fault}: set --root to a folder whose Terraform calls it once.")
    (call,) = found
    if repeated := {"count", "for_each"} & calls[call].keys():
        raise UserError(
            f"module.{call} in {folder} has {repeated.pop()}, and local.py runs one system at a time: "
            "set --root to a folder whose Terraform calls it once."
        )
    return UserRoot(
        folder,
        call,
        frozenset(calls[call]),
        {
            name: (folder / body["source"]).resolve()
            for name, body in calls.items()
            if name != call and str(body.get("source", "")).startswith("../")
        },
        sum(name == "aws" for name, _ in configuration["provider"]),
        object_of(configuration["variable"]),
        (
            *(f"data.{kind}.{name.strip(QUOTE)}" for kind, found in configuration["data"] for name in found),
            *(f"module.{name}" for name in calls if name != call),
        ),
    )


def is_service(call: Mapping[str, Any]) -> bool:
    """Return whether a module call is of modules/service, in any location."""
    return str(call.get("source", "")).partition("?")[0].rstrip("/").endswith(SERVICE)


def blocks(folder: Path) -> dict[str, list[tuple[str, dict[str, Any]]]]:
    """Return the first label and the body of each block of a configuration, by the kind of the block."""
    found: dict[str, list[tuple[str, dict[str, Any]]]] = defaultdict(list)
    for file in configuration_files(folder):
        try:
            text = file.read_text(encoding="utf-8")
            parsed = json.loads(text) if file.suffix == ".json" else hcl2.loads(text, serialization_options=OPTIONS)
        except (LarkError, RecursionError, ValueError):
            raise UserError(f"{file} is not valid Terraform: run `terraform validate` to see the errors.") from None
        for kind, blocks_of_kind in parsed.items() if isinstance(parsed, dict) else ():
            for label, bodies in (each for block in objects(blocks_of_kind) for each in labelled_bodies(block)):
                found[kind] += ((label.strip(QUOTE), body) for body in objects(bodies))
    return found


def objects(value: Any) -> list[dict[str, Any]]:
    """Return a value's objects as a list. In JSON, a single block can be an object instead of a list."""
    return [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, dict)]
