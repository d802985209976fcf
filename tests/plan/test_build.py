"""A plan with missing or outdated packages names the command to run."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from tests.plan import rules
from tests.plan.conftest import SMALL
from tests.plan.planner import ROOT, Planner, TerraformError, Values
from tools import shapes
from tools.laptop.emulator import ACCOUNT

pytestmark = pytest.mark.xdist_group("plan")  # one worker makes the plans these tests share

WITH_SCHEMA: Values = {**SMALL, "entities": {"todos": {"schema": "schemas/todo.json", "operations": ["get"]}}}
SCHEMA = '{"type": "object", "properties": {"title": {"type": "string"}}}\n'


@pytest.fixture
def root(planner: Planner, tmp_path: Path) -> Path:
    """The rules with their own schema and packages. The planner has built the repository's packages."""
    root = rules.preconditions(tmp_path / "root")
    for name in ("dist", "schemas"):
        (root / name).unlink(missing_ok=True)
        (root / name).mkdir()
    (root / "schemas" / "todo.json").write_text(SCHEMA)
    return root


def build(root: Path, **inputs: str) -> None:
    """Put the built packages in place, with a manifest of the root's schema and these inputs."""
    shutil.copytree(ROOT / "dist", root / "dist", dirs_exist_ok=True)
    manifest = json.loads((ROOT / "dist" / "manifest.json").read_text())
    code = {name: digest for name, digest in manifest["inputs"].items() if not name.startswith("schemas/")}
    digest = hashlib.sha256(SCHEMA.encode()).hexdigest()
    schemas = {"schemas/todo.json": {"sha256": digest, **shapes.texts(SCHEMA.encode())}}
    inputs = {**code, "schemas/todo.json": digest, **inputs}
    (root / "dist" / "manifest.json").write_text(json.dumps({**manifest, "inputs": inputs, "schemas": schemas}))


def test_missing_packages_stop_the_plan_of_a_system(planner: Planner, tmp_path: Path) -> None:
    root = planner.copy_root(tmp_path / "root")
    (root / "dist").unlink()
    with pytest.raises(TerraformError, match=r"Lambda packages are missing: run `python build\.py` first"):
        planner.make_plan(root, "missing", (), SMALL)


@pytest.mark.parametrize("file", ["lambda_src/get/index.py", "requirements/authorizer.txt", "schemas/todo.json"])
def test_packages_of_other_sources(root: Path, file: str) -> None:
    build(root, **{file: hashlib.sha256(b"older").hexdigest()})
    assert rules.rule_errors(root, WITH_SCHEMA) == [
        f"The Lambda packages are out of date: {file} has changed since the build. Run `python build.py`."
    ]


def test_a_package_that_was_not_built(root: Path) -> None:
    build(root)
    manifest = json.loads((root / "dist" / "manifest.json").read_text())
    del manifest["functions"]["entity"]
    (root / "dist" / "manifest.json").write_text(json.dumps(manifest))
    shared: Values = {**SMALL, "entities": {"todos": {"functions": "per_entity", "operations": ["get"]}}}
    assert rules.rule_errors(root, shared) == ["Some Lambda packages are missing: run `python build.py`."]


def test_packages_for_the_laptop(root: Path) -> None:
    build(root)
    manifest = json.loads((root / "dist" / "manifest.json").read_text())
    (root / "dist" / "manifest.json").write_text(json.dumps({**manifest, "platform": "laptop"}))
    assert rules.rule_errors(root, SMALL) == [
        "The Lambda packages were built for `local.py up`, with libraries for this machine. Run `python build.py`."
    ]
    (root / "build.tf").write_text((root / "build.tf").read_text().replace("123456789012", ACCOUNT))
    assert rules.rule_errors(root, SMALL) == []


def test_an_authorizer_without_its_libraries(root: Path) -> None:
    build(root)
    access = {"schema": "schemas/todo.json", "operations": ["get"], "access": {"default": "jwt"}}
    issuer = {"issuer": "https://issuer.example", "audiences": ["api"]}
    values: Values = {**SMALL, "entities": {"todos": access}, "jwt": issuer}
    assert rules.rule_errors(root, values) == [
        "dist/authorizer.zip lacks the libraries that jwt needs in Lambda. Run `python build.py --authorizer`. The "
        "option is not necessary if a var-file in environments/ sets jwt = { ... }."
    ]
    text = (root / "build.tf").read_text()
    (root / "build.tf").write_text(text.replace("123456789012", ACCOUNT))
    assert rules.rule_errors(root, values) == [], "the laptop has them"
    (root / "build.tf").write_text(text)
    manifest = json.loads((root / "dist" / "manifest.json").read_text())
    (root / "dist" / "manifest.json").write_text(json.dumps({**manifest, "authorizer": "lambda"}))
    assert rules.rule_errors(root, values) == []


def test_packages_of_these_sources(root: Path) -> None:
    build(root)
    assert rules.rule_errors(root, WITH_SCHEMA) == []
