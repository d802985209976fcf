"""Evaluate a project's var-file with Terraform, so that the derivation of settings exists only once."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import build
from tools import tfvars
from tools.errors import UserError
from tools.sources import sources
from tools.terraform import OF_VARIABLES, ROOT, Terraform, environment, link, var_file_arguments

# The values to evaluate, by name.
EXPRESSIONS = {
    "entities": "{ for name, e in local.entities : name => { path = e.path, table = e.table } }",
    "environments": "local.function_environments",
    "faults": "concat(local.tools.faults, local.own_code_faults, local.environment_faults)",
    "functions": (
        "{ for key, f in local.functions : key => "
        '{ file = length(local.function_hooks[key]) > 0 ? "hooked.py" : "index.py", package = f.package } }'
    ),
    "groups_claim": 'try(var.jwt.groups_claim, "groups")',
    "identifier": "local.identifier",
    "indexes": "local.table_indexes",
    "keys": "keys(local.api_keys)",
    "method_scopes": "local.method_scopes",
    "methods": "local.methods",
    "options": "{ for name, e in local.tools.entities : name => e.options }",
    "own_environments": "local.own_function_environments",
    "own_functions": (
        "{ for name, f in local.own_functions : name => { attempts = f.retries.attempts, changes = f.changes, "
        "dead_letters = f.dead_letters, event = f.event, kind = f.kind, queue = f.queue_name, secrets = f.secrets, "
        "settings = f.settings, timeout = f.timeout } }"
    ),
    "own_routes": (
        "{ for route, m in local.own_methods : route => "
        "{ access = m.access, function = m.function, method = m.method, path = m.path } }"
    ),
    "region": "var.region",
}
KEPT = 20  # evaluations


@dataclass(frozen=True)
class Project:
    """A project's folder, and the values that Terraform derives from a var-file, by the names of EXPRESSIONS."""

    folder: Path
    packages: Path | None
    entities: Mapping[str, Mapping[str, str]]
    environments: Mapping[str, Mapping[str, str]]
    faults: list[str]
    functions: Mapping[str, Mapping[str, str]]
    groups_claim: str
    identifier: str
    indexes: Mapping[str, Mapping[str, Mapping[str, str]]]
    keys: list[str]
    method_scopes: Mapping[str, list[str]]
    methods: Mapping[str, Mapping[str, Any]]
    options: Mapping[str, Mapping[str, Any]]
    own_environments: Mapping[str, Mapping[str, str]]
    own_functions: Mapping[str, Mapping[str, Any]]
    own_routes: Mapping[str, Mapping[str, str]]
    region: str


def read_project(folder: Path, var_file: Path) -> Project:
    """Return a project with one of its var-files. Raise UserError for faults that a plan would find."""
    if not var_file.is_file():
        raise UserError(f"There is no {var_file}: name a var-file in @pytest.mark.system(...).")
    tfvars.check([var_file])
    try:
        read = build.Sources(ROOT, folder, "laptop")
    except build.BuildError as error:
        raise UserError(str(error)) from None
    manifest = json.dumps(read.manifest_parts(), sort_keys=True)
    found = _cached_values(folder, var_file, manifest)
    if found["faults"]:
        raise UserError("\n".join(found["faults"]))
    return Project(folder=folder, packages=read.packages.folder if read.packages else None, **found)


def _cached_values(folder: Path, var_file: Path, manifest: str) -> dict[str, Any]:
    """Return the values of EXPRESSIONS. The same inputs are evaluated only once."""
    cache = folder / ".local" / "testing" / f"{_digest(folder, var_file, manifest)}.json"
    try:
        found: dict[str, Any] = json.loads(cache.read_bytes())
    except (OSError, ValueError):
        found = _evaluate(folder, var_file, manifest)
        cache.parent.mkdir(parents=True, exist_ok=True)
        partial = cache.with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps(found))
        partial.replace(cache)
        for old in sorted(cache.parent.glob("*.json"), key=lambda file: -file.stat().st_mtime)[KEPT:]:
            old.unlink(missing_ok=True)
    return found


def _digest(folder: Path, var_file: Path, manifest: str) -> str:
    """Return a digest of all inputs of an evaluation."""
    files = [
        *(ROOT / name for name in OF_VARIABLES),
        *sources(ROOT / "contract", "*.json"),
        *sources(folder / "schemas", "*.json"),
        var_file,
    ]
    contents = [(str(file), hashlib.sha256(file.read_bytes()).hexdigest()) for file in files]
    return hashlib.sha256(json.dumps([EXPRESSIONS, contents, manifest]).encode()).hexdigest()


def _evaluate(folder: Path, var_file: Path, manifest: str) -> dict[str, Any]:
    """Evaluate with Terraform, in a folder whose dist/ is that of a build of the current sources."""
    temporary = Path(tempfile.mkdtemp(prefix="trestle-"))
    try:
        link(temporary, (ROOT / name for name in OF_VARIABLES))
        for name in ("app", "dist", "schemas"):
            (temporary / name).unlink(missing_ok=True)
        (temporary / "schemas").symlink_to(folder / "schemas")
        (temporary / "dist").mkdir()
        (temporary / "dist" / build.MANIFEST).write_text(manifest)
        terraform = Terraform(temporary, environment("http://127.0.0.1:1", "us-east-1"))
        found = terraform.evaluate_each(EXPRESSIONS, var_file_arguments([var_file]))
    finally:
        shutil.rmtree(temporary)
    if missing := EXPRESSIONS.keys() - found.keys():
        raise UserError(f"{var_file} does not determine values that the tests need: {', '.join(sorted(missing))}.")
    return found
