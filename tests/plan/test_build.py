"""A plan without the packages, or with packages of other schemas, says what to run."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from tests.plan.conftest import SMALL
from tests.plan.planner import ROOT, Planner, TerraformError, Values
from tools import shapes

pytestmark = pytest.mark.xdist_group("plan")  # one worker makes the plans these tests share

WITH_SCHEMA: Values = {**SMALL, "entities": {"todos": {"schema": "schemas/todo.json", "operations": ["get"]}}}
SCHEMA = '{"type": "object", "properties": {"title": {"type": "string"}}}\n'


@pytest.fixture(scope="module")
def root(planner: Planner, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root configuration with a schema and packages of its own."""
    root = planner.copy(tmp_path_factory.mktemp("packages") / "root")
    for name in ("dist", "schemas"):
        (root / name).unlink(missing_ok=True)
        (root / name).mkdir()
    (root / "schemas" / "todo.json").write_text(SCHEMA)
    return root


def build(root: Path, schemas: Values) -> None:
    """Put the built packages in place, with a manifest of these schemas."""
    shutil.copytree(ROOT / "dist", root / "dist", dirs_exist_ok=True)
    manifest = json.loads((ROOT / "dist" / "manifest.json").read_text())
    (root / "dist" / "manifest.json").write_text(json.dumps({**manifest, "schemas": schemas}))


def test_missing_packages(planner: Planner, root: Path) -> None:
    shutil.rmtree(root / "dist")
    with pytest.raises(TerraformError, match=r"Lambda packages are missing: run `python build\.py` first"):
        planner.planned(root, "missing", (), SMALL)


@pytest.mark.parametrize(
    "schemas",
    [
        {},
        {"schemas/todo.json": {"sha256": hashlib.sha256(b"older").hexdigest()}},
        {"schemas/todo.json": hashlib.sha256(SCHEMA.encode()).hexdigest()},
    ],
    ids=["no", "other", "of an earlier version"],
)
def test_packages_with_other_schemas(planner: Planner, root: Path, schemas: Values) -> None:
    build(root, schemas)
    with pytest.raises(TerraformError, match=r"differ.*: run `python build\.py`"):
        planner.planned(root, f"stale-{len(str(schemas))}", (), WITH_SCHEMA)


def test_a_package_that_was_not_built(planner: Planner, root: Path) -> None:
    build(root, {})
    manifest = json.loads((root / "dist" / "manifest.json").read_text())
    del manifest["functions"]["entity"]
    (root / "dist" / "manifest.json").write_text(json.dumps(manifest))
    shared: Values = {**SMALL, "entities": {"todos": {"functions": "per_entity", "operations": ["get"]}}}
    with pytest.raises(TerraformError, match=r"not all there: run `python build\.py`"):
        planner.planned(root, "lacking", (), shared)


def test_packages_with_these_schemas(planner: Planner, root: Path) -> None:
    digest = hashlib.sha256(SCHEMA.encode()).hexdigest()
    build(root, {"schemas/todo.json": {"sha256": digest, **shapes.texts(SCHEMA.encode())}})
    assert planner.planned(root, "fresh", (), WITH_SCHEMA).exists()
