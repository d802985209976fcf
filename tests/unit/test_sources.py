"""Test that leftovers of editors, file managers and interrupted writes are not treated as sources."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import build
from tools import terraform
from tools.laptop.system import fingerprint
from tools.sources import sources

ROOT = Path(build.__file__).parent

# Each becomes a file. By its suffix alone, each name of the second half would be a source.
LEFTOVERS = [
    "{}~", "#{}#", ".{}.swp", "{}.orig", "{}.rej", "{}.bak", ".DS_Store", "Thumbs.db",
    ".#{}", "._{}", ".{}", "#{}", ".ipynb_checkpoints/{}",
]  # fmt: skip


def write_leftovers(folder: Path, name: str) -> None:
    """Write all of LEFTOVERS to the folder, and dangling links, as if `name` was being edited there."""
    for pattern in LEFTOVERS:
        path = folder / pattern.format(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("this is {no source")
    (folder / f".#{name}").unlink()
    (folder / f".#{name}").symlink_to("me@machine.4711:1234")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A copy of all sources."""
    for name in ("lambda_src", "modules", "schemas", "web"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("build.py", ".terraform.lock.hcl", *(file.name for file in ROOT.glob("*.tf"))):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "tools" / "laptop" / "corrections").mkdir(parents=True)
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "manifest.json").touch()
    return tmp_path


def test_only_files_that_are_sources_are_found(tmp_path: Path) -> None:
    (tmp_path / "index.py").touch()
    write_leftovers(tmp_path, "index.py")
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "folder.py" / "with space.py").touch()
    (tmp_path / "gone.py").symlink_to("nowhere.py")
    with open(os.fsencode(tmp_path) + b"/\xff.py", "wb"):  # noqa: PTH123 - not a valid str
        pass
    found = [path.relative_to(tmp_path).as_posix() for path in sources(tmp_path, "**/*.py")]
    assert found == ["folder.py/with space.py", "index.py"]


def test_a_build_ignores_leftovers(root: Path) -> None:
    (root / "app").mkdir()
    (root / "app" / "bookings.py").touch()
    clean = build.Sources(root)
    write_leftovers(root / "app", "bookings.py")
    write_leftovers(root / "lambda_src" / "create", "index.py")
    write_leftovers(root / "lambda_src" / "trestle" / "store", "dynamodb.py")
    write_leftovers(root / "schemas", "todo.json")
    littered = build.Sources(root)
    assert littered.functions == clean.functions
    assert littered.digest() == clean.digest()


def test_the_local_run_ignores_leftovers(
    root: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.laptop.system.ROOT", root)
    monkeypatch.setattr(terraform, "ROOT", root)
    folder = tmp_path_factory.mktemp("staged")
    clean = fingerprint([])
    for place, name in (
        (".", "main.tf"),
        ("modules/api", "main.tf"),
        ("schemas", "todo.json"),
        ("web", "index.html"),
    ):
        write_leftovers(root / place, name)
    assert fingerprint([]) == clean
    staged = terraform.stage(folder, folder / "state", {"modules/function": {"resource": {}}})
    assert "../api" in terraform.init_depends_on(staged)
    assert not list(staged.glob("**/.#*"))


def test_the_console_and_the_deployment_ignore_leftovers(root: Path, tmp_path: Path) -> None:
    """Both list files with fileset(), which fails on a dangling link."""
    write_leftovers(root / "web" / "assets", "app.js")
    write_leftovers(root / "modules" / "api", "main.tf")
    website = (ROOT / "modules" / "website" / "main.tf").read_text()
    patterns, files = (re.search(rf"^  {name} += .*$", website, re.MULTILINE) for name in ("file_patterns", "files"))
    api = re.search(r'sort\((fileset\(path\.module, ".*?"\))\)', (ROOT / "modules" / "api" / "main.tf").read_text())
    assert patterns
    assert files
    assert api
    aside = tmp_path / "console"
    aside.mkdir()
    (aside / "main.tf").write_text(
        f'variable "source_folder" {{}}\nlocals {{\n{patterns[0]}\n{files[0]}\n'
        f"api = {api[1].replace('path.module', json.dumps(str(root / 'modules' / 'api')))}\n}}\n"
    )
    done = subprocess.run(
        [terraform.find_terraform(), "console", "-no-color", f"-var=source_folder={root / 'web'}"], cwd=aside,
        input="jsonencode([local.files, local.api])\n", capture_output=True, text=True, check=True,
        env={**os.environ, "TF_CLI_CONFIG_FILE": ""},
    )  # fmt: skip
    published, configuration = json.loads(json.loads(done.stdout))
    ours = {"css", "html", "js", "md", "svg"}
    there = [file.relative_to(root / "web").as_posix() for file in sources(root / "web")]
    assert published == sorted(f for f in there if f.rpartition(".")[2] in ours or "LICENSE." in f)
    assert configuration == [file.name for file in sources(root / "modules" / "api", "*.tf")]


def compare_inputs(
    root: Path, project: Path, built: dict[str, str], aside: Path
) -> tuple[dict[str, str], list[str], str]:
    """Return the packages' inputs as Terraform sees them, those that changed since the build, and the remedy."""
    block = re.search(r"^locals {\n.*?^}\n", (ROOT / "modules" / "service" / "build.tf").read_text(), re.M | re.S)
    assert block
    aside.mkdir()
    (aside / "main.tf").write_text(
        block[0].replace("${path.module}", str(root / "modules" / "service"))
        + 'variable "project" {}\nvariable "built" {}\nlocals {\n  manifest = { inputs = jsondecode(var.built) }\n}\n'
    )
    done = subprocess.run(
        [terraform.find_terraform(), "console", f"-var=project={project}", f"-var=built={json.dumps(built)}"],
        cwd=aside, input="jsonencode([local.inputs, local.changed_inputs, local.build_command])\n",
        capture_output=True, text=True, check=True, env={**os.environ, "TF_CLI_CONFIG_FILE": ""},
    )  # fmt: skip
    inputs, changed, remedy = json.loads(json.loads(done.stdout))
    return inputs, changed, remedy


def test_a_plan_compares_the_files_that_a_build_packs(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    write_leftovers(root / "lambda_src" / "trestle" / "store", "dynamodb.py")
    write_leftovers(root / "schemas", "todo.json")
    for name in ("bookings.py", "lib/money.py", "requirements.txt"):
        (root / "app" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "app" / name).touch()
    for name in ("README.md", "requirements.in", "lib/requirements.txt"):  # no build reads it
        (root / "app" / name).touch()
    write_leftovers(root / "app" / "lib", "money.py")
    for name in ("__pycache__", "old~", ".git", "x.BAK"):
        (root / "lambda_src" / name).mkdir()
        (root / "lambda_src" / name / "a.py").write_text("1")
    folder = tmp_path_factory.mktemp("compared")
    built = build.Sources(root).inputs()
    assert compare_inputs(root, root, built, folder / "same") == (built, [], "python build.py")
    (root / "lambda_src" / "create" / "index.py").write_text("x = 1\n")
    (root / "lambda_src" / "create" / "new.py").write_text("x = 1\n")
    (root / "schemas" / "todo.json").unlink()
    (root / "app" / "bookings.py").unlink()
    (root / "app" / "lib" / "money.py").write_text("rate = 1\n")
    (root / "app" / "requirements.txt").write_text("# none\n")
    _, changed, _ = compare_inputs(root, root, built, folder / "edited")
    assert changed == [
        "app/bookings.py", "app/lib/money.py", "app/requirements.txt", "lambda_src/create/index.py",
        "lambda_src/create/new.py", "schemas/todo.json",
    ]  # fmt: skip


def test_a_plan_compares_the_schemas_of_the_project(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("compared")
    project = folder / "project"
    built = build.Sources(root, project).inputs()
    assert not [name for name in built if not name.startswith("lambda_src/")]
    inputs, changed, remedy = compare_inputs(root, project, built, folder / "without")
    assert (inputs, changed) == (built, [])
    assert remedy == f"python {root}/build.py --project {project}"
    (project / "schemas").mkdir(parents=True)
    (project / "schemas" / "own.json").write_text("{}")
    (project / "app").mkdir()
    (project / "app" / "bookings.py").touch()
    assert compare_inputs(root, project, built, folder / "with")[1] == ["app/bookings.py", "schemas/own.json"]
