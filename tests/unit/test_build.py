from __future__ import annotations

import base64
import errno
import hashlib
import importlib.util
import io
import json
import marshal
import os
import runpy
import shutil
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import build
from tools import dist, shapes
from tools.errors import UserError

REPOSITORY = Path(build.__file__).resolve().parent
SOURCES = {
    "lambda_src/get/index.py": """
from trestle.http.answers import answer

def lambda_handler(event, context):
    return answer()
""",
    "lambda_src/create/index.py": """
import json
import os.path
import helper
from trestle.schema.validation import validate

def lambda_handler(event, context):
    from trestle.late import late
    return late
""",
    "lambda_src/create/helper.py": "import boto3.session\nfrom botocore import exceptions\n",
    "lambda_src/trestle/__init__.py": "",
    "lambda_src/trestle/http/__init__.py": "",
    "lambda_src/trestle/http/answers.py": """
TYPE_CHECKING = False
if TYPE_CHECKING:
    from trestle.unused import Unused
else:
    import trestle.other

def answer():
    return "answer"
""",
    "lambda_src/trestle/late.py": "late = 1\n",
    "lambda_src/trestle/other.py": "async def other(): pass\n",
    "lambda_src/trestle/unused.py": "class Unused: pass\n",
    "lambda_src/trestle/schema/__init__.py": "",
    "lambda_src/trestle/schema/validation.py": """
from trestle import other
from trestle.other import other as name

class validate: pass
""",
    "schemas/todo.json": '{"type": "object"}',
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with two functions."""
    return write_files(tmp_path / "repository", SOURCES)


def write_files(root: Path, sources: dict[str, str]) -> Path:
    for name, text in sources.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


def run(root: Path, *arguments: str) -> int:
    return build.main(list(arguments), root)


def manifest(root: Path) -> Any:
    return json.loads((root / "dist/manifest.json").read_bytes())


def names(root: Path, function: str) -> list[str]:
    with zipfile.ZipFile(root / f"dist/{function}.zip") as archive:
        return archive.namelist()


def content(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (root / "dist").iterdir() if path.is_file()}


# --- Contents of a zip ---


def test_a_zip_holds_what_its_function_imports(root: Path) -> None:
    assert run(root, "--bytecode", "none") == 0
    assert names(root, "get") == [
        "index.py",
        "trestle/__init__.py",
        "trestle/http/__init__.py",
        "trestle/http/answers.py",
        "trestle/other.py",
    ]
    assert names(root, "create") == [
        "helper.py",
        "index.py",
        "schemas/todo.json",
        "trestle/__init__.py",
        "trestle/late.py",
        "trestle/other.py",
        "trestle/schema/__init__.py",
        "trestle/schema/validation.py",
    ]


def test_a_project_has_its_own_schemas_and_packages(root: Path, tmp_path: Path) -> None:
    project = write_files(tmp_path / "project", {"schemas/own.json": '{"type": "object"}'})
    assert run(root, "--bytecode", "none", "--project", str(project)) == 0
    assert not (root / "dist").exists()
    assert [name for name in names(project, "create") if name.startswith("schemas/")] == ["schemas/own.json"]
    assert run(root, "--check", "--project", str(project)) == 0
    (project / "schemas" / "own.json").write_text("{}")
    assert run(root, "--check", "--project", str(project)) == 1


def test_a_missing_project_is_refused(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(root, "--project", str(tmp_path / "absent")) == 1
    assert capsys.readouterr().err == (
        f"build.py: There is no folder {tmp_path}/absent: set --project to the folder that has schemas/.\n"
    )


def test_the_manifest_lists_the_packed_files(root: Path) -> None:
    run(root, "--bytecode", "none")
    assert manifest(root)["inputs"] == {
        name: hashlib.sha256(text.encode()).hexdigest() for name, text in SOURCES.items()
    }


def test_manifest(root: Path) -> None:
    run(root, "--bytecode", "none")
    found = manifest(root)
    zipped = (root / "dist/get.zip").read_bytes()
    assert found["functions"]["get"] == {
        "file": "get.zip",
        "sha256": hashlib.sha256(zipped).hexdigest(),
        "size": len(zipped),
        "source_code_hash": base64.b64encode(hashlib.sha256(zipped).digest()).decode(),
    }
    content = (root / "schemas/todo.json").read_bytes()
    assert found["schemas"] == {
        "schemas/todo.json": {"sha256": hashlib.sha256(content).hexdigest(), **shapes.texts(content)}
    }
    assert (found["runtime"], found["bytecode"], sorted(found["functions"])) == (
        "python3.13",
        None,
        ["create", "get"],
    )


FAULTS = {
    "def f(:": "lambda_src/get/index.py line 1 is not valid Python: invalid syntax",
    "x = '\0'": "lambda_src/get/index.py",
    "import yaml": "line 1 imports yaml, which is neither in lambda_src/ nor in Lambda's Python",
    "import trestle.nothing": "line 1 imports trestle.nothing, which is neither",
    "from trestle.nothing import x": "line 1 imports trestle.nothing, which is neither",
    "from trestle import nothing": "line 1 imports nothing from trestle, which does not define it",
    "from trestle.late import latest": "line 1 imports latest from trestle.late, which does not define it",
    "from create.helper import x": "line 1 imports create.helper, which is neither",
    "def f():\n    from . import x": "line 2 has a relative import: write the absolute name",
    "def handler(): pass": "lambda_src/get/index.py defines no lambda_handler",
}


@pytest.mark.parametrize("text", FAULTS)
def test_faulty_source(root: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    (root / "lambda_src/get/index.py").write_text(text, encoding="utf-8")
    assert run(root) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("build.py: ")
    assert FAULTS[text] in printed.err
    assert printed.err.endswith(".\n")
    assert printed.err.count("\n") == 1
    assert not (root / "dist").exists()


def test_star_imports_are_followed(root: Path) -> None:
    text = "from trestle.late import *\nlambda_handler = late\n"
    (root / "lambda_src/get/index.py").write_text(text, encoding="utf-8")
    run(root, "--bytecode", "none")
    assert "trestle/late.py" in names(root, "get")


def test_every_fault_of_a_schema_is_a_line(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = '{"type": "object", "propertys": {}, "required": "title"}'
    (root / "schemas/todo.json").write_text(text, encoding="utf-8")
    assert run(root) == 1
    assert capsys.readouterr().err.splitlines() == [
        "build.py: schemas/todo.json#/propertys: propertys is not a keyword of the subset: write properties.",
        "build.py: schemas/todo.json#/required: required must be an array, not a string.",
    ]
    assert not (root / "dist").exists()


def test_no_function(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path) == 1
    assert "lambda_src/ has no function" in capsys.readouterr().err


# --- The same bytes ---


def test_entries_have_fixed_times_and_permissions(root: Path) -> None:
    run(root, "--bytecode", "none")
    with zipfile.ZipFile(root / "dist/create.zip") as archive:
        for entry in archive.infolist():
            assert entry.date_time == (1980, 1, 1, 0, 0, 0)
            assert entry.compress_type == zipfile.ZIP_STORED
            assert entry.create_system == 3
            assert entry.external_attr >> 16 == stat.S_IFREG | 0o644
            assert entry.extra == entry.comment == b""


def test_same_bytes_from_another_folder_and_file_times(root: Path, tmp_path: Path) -> None:
    run(root)
    other = write_files(tmp_path / "deep" / "er", dict(reversed(SOURCES.items())))
    for path in other.rglob("*.py"):
        os.utime(path, (1, 1))
        path.chmod(0o600)
    shutil.copytree(root / "lambda_src/get", other / "lambda_src/get/__pycache__")
    run(other)
    assert content(other) == content(root)


def other_pythons() -> list[str]:
    found = {sys.executable}
    for minor in (11, 12, 13, 14):
        for candidate in (
            shutil.which(f"python3.{minor}"),
            *Path.home().glob(f".pyenv/versions/3.{minor}*/bin/python"),
        ):
            if candidate and subprocess.run([candidate, "-c", ""], capture_output=True, check=False).returncode == 0:
                found.add(str(candidate))
    return sorted(found)


def test_same_bytes_from_any_python_and_environment(tmp_path: Path) -> None:
    """Builds the repository's own functions, with bytecode if this machine has the Python for it."""
    sums = set()
    for number, python in enumerate([*other_pythons(), sys.executable]):
        copy = tmp_path / f"copy{number}"
        copy.mkdir()
        shutil.copy(REPOSITORY / "build.py", copy)
        for name in ("app", "contract", "lambda_src", "requirements", "tools", "schemas"):
            if (REPOSITORY / name).exists():
                shutil.copytree(REPOSITORY / name, copy / name)
        environment = os.environ | {
            "PYTHONHASHSEED": str(number),
            "TZ": ("UTC", "Asia/Tokyo", "America/New_York")[number % 3],
            "PYTHONOPTIMIZE": str(number % 3),
            "LC_ALL": ("C", "C.UTF-8")[number % 2],
            "USER": f"user{number}",
        }
        command = [
            python,
            "-c",
            f"import os; os.umask({number * 9}); import build; raise SystemExit(build.main([]))",
        ]
        subprocess.run(command, cwd=copy, env=environment, check=True, capture_output=True)
        sums.add(json.dumps({name: build.sha256(data) for name, data in content(copy).items()}, sort_keys=True))
    assert len(sums) == 1


# --- Bytecode ---


def test_pyc_is_valid_and_points_into_the_task_folder() -> None:
    source = b"def f():\n    return 'text'\n"
    code = build.pyc("trestle/x.py", source)
    assert code[:4] == importlib.util.MAGIC_NUMBER
    assert code[4:8] == b"\1\0\0\0"
    assert code[8:16] == importlib.util.source_hash(source)
    loaded = marshal.loads(code[16:])
    assert loaded.co_filename == "/var/task/trestle/x.py"
    namespace: dict[str, Any] = {}
    exec(loaded, namespace)
    assert namespace["f"]() == "text"


def test_pyc_does_not_depend_on_the_rest_of_the_process() -> None:
    source = b"import os\ndef f(one, two='quite a long constant', *, three=('a', 'b')):\n    return {'a', 'b'}\n"
    first = build.pyc("x.py", source)
    held = [compile(source, "/var/task/x.py", "exec"), "quite a long constant", ("a", "b")]
    assert build.pyc("x.py", source) == first
    assert held


def lambda_python() -> str:
    for command in build.python_commands():
        if subprocess.run([*command, "-c", ""], capture_output=True, check=False).returncode == 0:
            return command[0]
    pytest.skip(f"this machine has no Python {build.RUNTIME}")


def test_byte_code_is_used_from_a_read_only_folder(root: Path, tmp_path: Path) -> None:
    python = lambda_python()
    assert run(root, "--bytecode", "require") == 0
    assert manifest(root)["bytecode"] == "3.13"
    task = tmp_path / "task"
    with zipfile.ZipFile(root / "dist/get.zip") as archive:
        archive.extractall(task)
        modules = [name for name in archive.namelist() if name.endswith(".py")]
        assert [build.cached_name(name) in archive.namelist() for name in modules] == [True] * len(modules)
    for path in task.rglob("*.py"):
        path.write_text("raise SystemExit('this source was compiled')", encoding="utf-8")
    before = sorted(task.rglob("*"))
    program = "import index; print(index.lambda_handler(None, None))"
    answer = subprocess.run([python, "-c", program], cwd=task, capture_output=True, text=True, check=True)
    assert answer.stdout == "answer\n"
    assert sorted(task.rglob("*")) == before


@pytest.fixture
def no_runtime(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without Lambda's Python."""
    monkeypatch.setattr(build, "python_commands", lambda: iter([[str(tmp_path / "none")]]))


@pytest.mark.usefixtures("no_runtime")
def test_machine_without_the_runtimes_python(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(root) == 0
    assert "There is no Python 3.13 on this machine" in capsys.readouterr().err
    assert manifest(root)["bytecode"] is None
    assert not [name for name in names(root, "get") if name.endswith(".pyc")]
    assert run(root, "--bytecode", "require") == 1
    assert "There is no Python 3.13 for the bytecode: install it" in capsys.readouterr().err


def fake_python(folder: Path, body: str) -> list[str]:
    """Write a command that responds like a Python of this version."""
    script = folder / f"python{len(list(folder.iterdir()))}"
    script.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    script.chmod(0o755)
    return [str(script)]


def test_commands_that_are_not_the_runtimes_python_are_skipped(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    code = base64.b64encode(b"bytecode").decode()
    compiled = json.dumps([{"code": code}] * 10)
    commands = [
        [str(folder / "missing")],
        fake_python(folder, f"exit {build.WRONG_PYTHON}"),
        fake_python(folder, f"cat > /dev/null; echo '{compiled}'"),
    ]
    monkeypatch.setattr(build, "python_commands", lambda: iter(commands))
    assert run(root) == 0
    with zipfile.ZipFile(root / "dist/get.zip") as archive:
        assert archive.read("__pycache__/index.cpython-313.pyc") == b"bytecode"


@pytest.mark.parametrize("is_runtime", [True, False])
def test_compiling_side(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], is_runtime: bool) -> None:
    tag = sys.implementation.cache_tag if is_runtime else "cpython-27"
    monkeypatch.setattr(build, "CACHE_TAG", tag)
    question = json.dumps([["a.py", base64.b64encode(b"a = 1").decode()]])
    monkeypatch.setattr(sys, "stdin", io.StringIO(question))
    assert build.main(["--compile"]) == (0 if is_runtime else build.WRONG_PYTHON)
    answer = capsys.readouterr().out
    expected = json.dumps([{"code": base64.b64encode(build.pyc("a.py", b"a = 1")).decode()}])
    assert answer == (expected if is_runtime else "")


def test_compiling_side_names_what_it_cannot_read() -> None:
    sources = {"app/a.py": b"\ndef a(:", "app/b.py": b"b = '\0'", "app/c.py": b"c = 1"}
    question = json.dumps([[path, base64.b64encode(source).decode()] for path, source in sources.items()])
    syntax, null, good = json.loads(build.compile_modules(question))
    assert syntax == {"fault": "app/a.py line 2 is not valid Python 3.13: invalid syntax."}
    assert null["fault"].startswith("app/b.py")
    assert null["fault"].endswith(" is not valid Python 3.13: source code string cannot contain null bytes.")
    assert good.keys() == {"code"}


def test_the_runtimes_python_is_searched_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("3.13.0", "3.13.9", "3.12.1"):
        binary = tmp_path / "versions" / name / "bin" / "python3.13"
        binary.parent.mkdir(parents=True)
        binary.touch()
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path / "none"))
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(build, "CACHE_TAG", sys.implementation.cache_tag)
    found = list(build.python_commands())
    versions = [str(tmp_path / f"versions/{name}/bin/python3.13") for name in ("3.13.9", "3.13.0")]
    assert found[:4] == [[sys.executable], ["/bin/python3.13"], [versions[0]], [versions[1]]]
    assert found[-1] == ["/bin/py", "-3.13"]
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(build, "CACHE_TAG", "cpython-27")
    assert list(build.python_commands())[:2] == [[versions[0]], [versions[1]]]


# --- Building again ---


@pytest.fixture
def build_writes(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Record the folders to which zips are written."""
    writes: list[Path] = []
    real = build.write

    def counting(dist: Path, files: dict[str, bytes]) -> None:
        writes.append(dist)
        real(dist, files)

    monkeypatch.setattr(build, "write", counting)
    return writes


def test_unchanged_sources_are_not_rebuilt(
    root: Path, build_writes: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    run(root, "--bytecode", "none")
    capsys.readouterr()
    assert run(root, "--bytecode", "none") == 0
    assert len(build_writes) == 1
    assert capsys.readouterr().out == "dist/ is up to date: create, get.\n"


OTHER = '{"type": "object", "title": "Other"}'

DAMAGE: dict[str, Callable[[Path], object]] = {
    "changed source": lambda root: (root / "lambda_src/trestle/late.py").write_text("late = 2"),
    "changed schema": lambda root: (root / "schemas/todo.json").write_text(OTHER),
    "new schema": lambda root: (root / "schemas/other.json").write_text(OTHER),
    "missing zip": lambda root: (root / "dist/get.zip").unlink(),
    "damaged zip": lambda root: (root / "dist/get.zip").write_bytes(b"PK"),
    "foreign zip": lambda root: (root / "dist/old.zip").write_bytes(b"PK"),
    "missing manifest": lambda root: (root / "dist/manifest.json").unlink(),
    "damaged manifest": lambda root: (root / "dist/manifest.json").write_text("{"),
    "foreign manifest": lambda root: (root / "dist/manifest.json").write_text("[]"),
    "hollow manifest": lambda root: (root / "dist/manifest.json").write_text(
        json.dumps(manifest(root) | {"functions": {"get": {}}})
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_check_and_build_see_any_difference(
    root: Path, capsys: pytest.CaptureFixture[str], build_writes: list[Path], damage: str
) -> None:
    run(root, "--bytecode", "none")
    assert run(root, "--check") == 0
    DAMAGE[damage](root)
    capsys.readouterr()
    assert run(root, "--check") == 1
    sentence = capsys.readouterr().err
    assert sentence.startswith("build.py: dist/ ")
    assert sentence.endswith(": run `python build.py`.\n")
    run(root, "--bytecode", "none")
    assert len(build_writes) == 2
    assert run(root, "--check") == 0


def sign(root: Path, folder: Path) -> Path:
    """Write each zip of dist/ to a folder as AWS Signer does: the same files plus a signature."""
    folder.mkdir()
    for package in (root / "dist").glob("*.zip"):
        with (
            zipfile.ZipFile(package) as archive,
            zipfile.ZipFile(folder / package.name, "w", zipfile.ZIP_DEFLATED) as signed,
        ):
            for name in archive.namelist():
                signed.writestr(name, archive.read(name))
            signed.writestr("META-INF/aws_signer_signature_v1.0.SF", b"signature")
    return folder


def test_signed_zips_replace_the_built_ones(
    root: Path, tmp_path: Path, build_writes: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    run(root, "--bytecode", "none")
    before = manifest(root)
    folder = sign(root, tmp_path / "signed")
    capsys.readouterr()
    assert run(root, "--signed", str(folder)) == 0
    assert capsys.readouterr().out == "Replaced the zips in dist/ with signed ones: create, get.\n"
    for name, entry in manifest(root)["functions"].items():
        package = (root / f"dist/{name}.zip").read_bytes()
        assert package == (folder / f"{name}.zip").read_bytes()
        assert entry == {
            "file": f"{name}.zip",
            "sha256": hashlib.sha256(package).hexdigest(),
            "size": len(package),
            "source_code_hash": base64.b64encode(hashlib.sha256(package).digest()).decode(),
        }
    assert {**manifest(root), "functions": None} == {**before, "functions": None}
    run(root, "--bytecode", "none")
    assert len(build_writes) == 2, "the build before a deployment keeps them"
    assert run(root, "--signed", str(folder)) == 0, "a second run changes nothing"
    (root / "lambda_src/trestle/late.py").write_text("late = 2")
    run(root, "--bytecode", "none")
    assert not any(name.startswith("META-INF/") for name in names(root, "create")), "changed sources are unsigned"


UNSIGNED: dict[str, tuple[Callable[[Path, Path], object], str]] = {
    "none built": (lambda root, _: (root / "dist/manifest.json").unlink(), "dist/ contains no build: run"),
    "missing": (lambda _, folder: (folder / "get.zip").unlink(), "/get.zip is missing or not a zip: sign each"),
    "no zip": (lambda _, folder: (folder / "get.zip").write_text("?"), "/get.zip is missing or not a zip: sign each"),
    "unsigned": (
        lambda root, folder: shutil.copyfile(root / "dist/get.zip", folder / "get.zip"),
        "/get.zip has no signature: use the zip that the signing job wrote.",
    ),
    "of another build": (
        lambda _, folder: shutil.copyfile(folder / "create.zip", folder / "get.zip"),
        "/get.zip differs from the built zip: sign dist/get.zip again.",
    ),
}


@pytest.mark.parametrize("fault", UNSIGNED)
def test_signed_zips_of_another_build_are_refused(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], fault: str
) -> None:
    run(root, "--bytecode", "none")
    folder = sign(root, tmp_path / "signed")
    spoil, sentence = UNSIGNED[fault]
    spoil(root, folder)
    before = content(root)
    capsys.readouterr()
    assert run(root, "--signed", str(folder)) == 1
    assert sentence in capsys.readouterr().err
    assert content(root) == before


def test_a_changed_byte_code_option_rebuilds(root: Path, build_writes: list[Path]) -> None:
    lambda_python()
    run(root)
    run(root)
    assert len(build_writes) == 1
    run(root, "--bytecode", "none")
    assert len(build_writes) == 2
    run(root)
    assert len(build_writes) == 3


@pytest.mark.usefixtures("no_runtime")
def test_check_without_the_python_for_byte_code(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(root)
    (root / "dist/manifest.json").write_text(json.dumps(manifest(root) | {"bytecode": "3.13"}))
    assert run(root, "--check") == 1
    assert "There is no Python 3.13 for the bytecode: install it" in capsys.readouterr().err


def test_an_aborted_build_leaves_no_files(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(root, "--bytecode", "none")
    (root / "lambda_src/trestle/late.py").write_text("late = 2")
    real = Path.replace

    def breaking(self: Path, target: Path) -> Path:
        if target.name == "get.zip":
            raise KeyboardInterrupt
        return real(self, target)

    monkeypatch.setattr(Path, "replace", breaking)
    assert run(root, "--bytecode", "none") == 130
    assert sorted(content(root)) == ["create.zip", "get.zip"]
    monkeypatch.undo()
    (root / "dist/.get.zip.1.partial").touch()
    assert run(root, "--bytecode", "none") == 0
    assert sorted(content(root)) == ["create.zip", "get.zip", "manifest.json"]


def test_the_zip_of_a_removed_function_is_deleted(root: Path) -> None:
    run(root, "--bytecode", "none")
    shutil.rmtree(root / "lambda_src/create")
    run(root, "--bytecode", "none")
    assert sorted(content(root)) == ["get.zip", "manifest.json"]


def test_command(root: Path) -> None:
    shutil.copy(REPOSITORY / "build.py", root)
    for name in ("contract", "tools"):
        (root / name).symlink_to(REPOSITORY / name)
    command = [sys.executable, "-P", str(root / "build.py"), "--bytecode", "none"]
    answer = subprocess.run(command, cwd="/", capture_output=True, text=True, check=True)
    assert answer.stdout.startswith("dist/create.zip ")
    assert answer.stderr == ""


def test_a_source_that_cannot_be_read_is_named(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = Path.read_bytes

    def refusing(self: Path) -> bytes:
        if self.name == "late.py":  # root may read any file, and these tests may run as root
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return real(self)

    monkeypatch.setattr(Path, "read_bytes", refusing)
    assert run(root) == 1
    late = root / "lambda_src/trestle/late.py"
    said = capsys.readouterr().err
    assert said.startswith(f"{late}: Permission denied. ")
    assert said.count("\n") == 1


def test_a_user_without_a_home_folder_can_build(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("PYENV_ROOT", raising=False)
    monkeypatch.setattr("pwd.getpwuid", lambda uid: {}[uid])
    assert run(root) == 0


def test_help(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["build.py", "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(REPOSITORY / "build.py"), run_name="__main__")
    assert ended.value.code == 0
    assert "--compile" not in capsys.readouterr().out


def test_tools_build_and_report_faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    monkeypatch.setattr(dist, "ROOT", tmp_path)
    (tmp_path / "build.py").write_text("print('dist/ is up to date.')")
    dist.build_functions(steps.append)
    assert steps == ["Building the functions ..."]
    for program, said in [
        ("import sys; sys.exit('build.py: first.\\nbuild.py: No Python.')", "build.py: No Python."),
        ("import sys; print('Half.'); sys.exit(1)", "Half."),
        ("import sys; sys.exit(1)", "it printed nothing"),
    ]:
        (tmp_path / "build.py").write_text(program)
        with pytest.raises(UserError) as failed:
            dist.build_functions(steps.append)
        assert str(failed.value) == f"The build failed: {said} Run `python build.py` to see all of it."
    (tmp_path / "build.py").write_text("import sys; sys.exit(f'build.py: {sys.argv[1:]}')")
    with pytest.raises(UserError, match=r"\['--platform', 'laptop'\]"):
        dist.build_functions(steps.append, is_laptop=True)
