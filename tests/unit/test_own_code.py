"""Test what a build reads from own code without running it: hooks, functions and imports."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

import build
from tools import contract, own_code

# A small Trestle: two operations that write, one that reads, and the public module.
TRESTLE = {
    "lambda_src/create/index.py": "from trestle.http.create import lambda_handler\n",
    "lambda_src/create/hooked.py": "from trestle.http.create import lambda_handler\nimport trestle.own.hooks\n",
    "lambda_src/merge/index.py": "lambda_handler = None\n",
    "lambda_src/merge/hooked.py": "import trestle.own.hooks\nlambda_handler = None\n",
    "lambda_src/list/index.py": "lambda_handler = None\n",
    "lambda_src/list/hooked.py": "import trestle.own.hooks\nlambda_handler = None\n",
    "lambda_src/entity/index.py": "lambda_handler = None\n",
    "lambda_src/entity/hooked.py": "import trestle.own.hooks\nlambda_handler = None\n",
    "lambda_src/delete/index.py": "lambda_handler = None\n",
    "lambda_src/trestle/__init__.py": "",
    "lambda_src/trestle/app.py": '__all__ = ("Context", "Draft", "entity")\ndef entity(): import trestle.late\n',
    "lambda_src/trestle/late.py": "",
    "lambda_src/trestle/http/__init__.py": "",
    "lambda_src/trestle/http/create.py": "lambda_handler = None\n",
    "lambda_src/trestle/own/__init__.py": "",
    "lambda_src/trestle/own/hooks.py": "",
}
PLAIN = ["create", "delete", "entity", "list", "merge"]
CREATE = "def before_create(draft, context): ...\n"


def write_files(root: Path, sources: dict[str, str]) -> Path:
    for name, text in sources.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_files(tmp_path / "repository", TRESTLE)


def run(root: Path, *arguments: str) -> int:
    return build.main(["--bytecode", "none", *arguments], root)


def manifest(root: Path) -> Any:
    return json.loads((root / "dist/manifest.json").read_bytes())


def names(root: Path, name: str) -> list[str]:
    with zipfile.ZipFile(root / f"dist/{name}.zip") as archive:
        return archive.namelist()


def own_files(names: list[str]) -> list[str]:
    return [name for name in names if name.startswith("app/")]


def build_error(root: Path, capsys: pytest.CaptureFixture[str], app: dict[str, str]) -> list[str]:
    """Return the message of a build of these modules, after checking that it left no files."""
    write_files(root, {f"app/{name}": text for name, text in app.items()})
    assert run(root) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert not (root / "dist").exists()
    lines = [line.removeprefix("build.py: ") for line in printed.err.splitlines()]
    assert all(line.endswith((".", "?")) for line in lines)
    return lines


# --- Zips ---


def test_a_project_without_own_code_keeps_its_bytes(root: Path) -> None:
    run(root)
    before = {path.name: path.read_bytes() for path in (root / "dist").glob("*.zip")}
    assert sorted(before) == [f"{name}.zip" for name in PLAIN]
    assert manifest(root)["app"] == {}
    inputs = manifest(root)["inputs"]
    (root / "app").mkdir()
    (root / "app" / "README.md").write_text("Your code.")
    run(root)
    assert (manifest(root)["inputs"], manifest(root)["app"]) == (inputs, {})
    write_files(root, {"app/bookings.py": CREATE})
    run(root)
    after = {path.name: path.read_bytes() for path in (root / "dist").glob("*.zip")}
    assert sorted(after.keys() - before.keys()) == ["create.bookings.zip", "entity.bookings.zip"]
    assert {name: after[name] for name in before} == before


def test_a_hook_has_a_zip_for_each_operation_that_runs_it(root: Path) -> None:
    app = {
        "app/__init__.py": "",
        "app/bookings.py": f"from app import money\nfrom app.lib.dates import day\n{CREATE}",
        "app/lib/dates.py": "import datetime\nimport boto3\ndef day(): ...\n",
        "app/money.py": "from trestle.app import Draft\nfrom . import rates\n",
        "app/rates.py": "",
        "app/rooms.py": "def present(items, context): ...\n",
        "app/tags.py": "def before_update(draft, current, context): ...\ndef before_delete(current, context): ...\n",
        "app/unused.py": "",
    }
    write_files(root, app)
    assert run(root) == 0
    hooked = [name for name in manifest(root)["functions"] if "." in name]
    assert hooked == [
        "create.bookings", "create.rooms", "entity.bookings", "entity.rooms", "entity.tags", "list.rooms",
        "merge.rooms", "merge.tags",
    ]  # fmt: skip
    # It may write items of an entity with hooks, so those hooks and their imports are packed too.
    assert names(root, "create.bookings") == [
        "app/__init__.py", "app/bookings.py", "app/lib/dates.py", "app/money.py", "app/rates.py", "app/tags.py",
        "hooked.py", "trestle/__init__.py", "trestle/app.py", "trestle/http/__init__.py", "trestle/http/create.py",
        "trestle/late.py", "trestle/own/__init__.py", "trestle/own/hooks.py",
    ]  # fmt: skip
    assert own_files(names(root, "merge.tags")) == own_files(names(root, "create.bookings"))
    # A read writes nothing, so only the entity's own module is packed, for present().
    for name in ("create.rooms", "entity.rooms", "list.rooms"):
        assert own_files(names(root, name)) == ["app/rooms.py"]
    for name in PLAIN:
        assert own_files(names(root, name)) == []


def test_functions_of_modules_are_packed_once_they_can_be_run(root: Path) -> None:
    app = {
        "app/bookings.py": CREATE,
        "app/helpers.py": "def total(items): ...\ndef _two(a, b): ...\n",
        "app/payments.py": "from app import helpers\ndef pay(request, context): ...\n",
    }
    write_files(root, app)
    run(root)
    assert not list((root / "dist").glob("app.*"))
    write_files(root, {"lambda_src/app/index.py": "from trestle.app import entity\nlambda_handler = entity\n"})
    run(root)
    assert [path.name for path in (root / "dist").glob("app*")] == ["app.payments.zip"]
    assert names(root, "app.payments") == [
        "app/bookings.py", "app/helpers.py", "app/payments.py", "index.py", "trestle/__init__.py", "trestle/app.py",
        "trestle/late.py",
    ]  # fmt: skip


def test_the_manifest_names_hooks_and_functions(root: Path) -> None:
    text = """
import functools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.types import presentable
else:
    def before_create(draft, context, *rest, strict=False):
        return [lambda: (yield), draft]

try:
    def before_delete(*arguments): ...
finally:
    presence = None

class Basket:
    def before_add(self):
        presents = self.before = []

@functools.cache
def pay(request, context, currency="EUR"):
    def each():
        yield request
async def fetch(event, context): ...
def stream(event, context):
    for each in event:
        yield each
def one(event): ...
def needs(event, context, *, key): ...
def swapped(context, event): ...
def _helper(): ...
"""
    write_files(root, {"app/shop.py": text, "app/pack/__init__.py": "def handle(*all): ...", "app/pack/inner.py": ""})
    assert run(root) == 0
    found = manifest(root)["app"]
    assert found.keys() == {"pack", "shop"}
    assert found["pack"] == {
        "file": "app/pack/__init__.py", "functions": {"handle": {"fault": "", "line": 1}}, "hooks": [],
    }  # fmt: skip
    assert (found["shop"]["file"], found["shop"]["hooks"]) == ("app/shop.py", ["before_create", "before_delete"])
    assert {name: each["fault"] for name, each in found["shop"]["functions"].items()} == {
        "fetch": "is async, and own code runs synchronously: write def fetch(event, context)",
        "needs": "takes (event, context, *, key) but is called with (event, context): write def needs(event, context)",
        "one": "takes (event) but is called with (event, context): write def one(event, context)",
        "pay": "",
        "stream": "has a yield, so a call would not run it: write def stream(event, context) without yield",
        "swapped": "takes (context, event) but its arguments come as (event, context): "
        "write def swapped(event, context)",
    }
    assert found["shop"]["functions"]["pay"]["line"] == 21


def test_the_hooks_of_operations() -> None:
    assert {hook: sorted(operations) for hook, operations in own_code.HOOKS.items()} == {
        "before_create": ["create"],
        "before_update": ["merge", "replace"],
        "before_delete": ["delete"],
        "present": ["create", "get", "list", "merge", "replace"],
    }


def test_a_zip_holds_no_other_operations_endpoint(tmp_path: Path) -> None:
    """Builds Trestle's own functions with a module that has every hook."""
    text = "".join(f"def {hook}({', '.join(names)}): ...\n" for hook, names in own_code.PARAMETERS.items())
    write_files(tmp_path, {"app/rules.py": f"from trestle.app import Refuse, entity\n{text}"})
    zips = build.Sources(build.ROOT, tmp_path).zips()
    operations = {name: f"trestle/http/{name}.py" for name in contract.OPERATIONS}
    for name, endpoint in operations.items():
        files = zips[f"{name}.rules"].keys()
        assert files & set(operations.values()) == {endpoint}
        assert {"app/rules.py", "hooked.py", "trestle/app.py", "trestle/own/code.py"} <= files
        assert not [path for path in zips[name] if path.startswith(("app/", "trestle/app", "trestle/own/", "hooked"))]
    assert set(operations.values()) <= zips["entity.rules"].keys()


# --- What a build refuses ---

RESERVED = "Names that begin with before_, after_ or present are reserved"
FAULTS = {
    "def before_creat(draft, context): ...": "line 1: before_creat is not a hook. "
    f"Did you mean before_create? {RESERVED}.",
    "def presents(items, context): ...": f"line 1: presents is not a hook. Did you mean present? {RESERVED}.",
    "def after_create(item, context): ...": "line 1: after_create is not a hook. "
    "No hook runs after a write: use a function that reacts to changes, or another name.",
    "x = 1\nwith x as before_tax: ...": "line 2: before_tax is not a hook. "
    f"{RESERVED} for before_create, before_update, before_delete, present: use another name.",
    "for before_tax, x in (): ...": "line 1: before_tax is not a hook.",
    "before_tax: int = 1": "line 1: before_tax is not a hook.",
    "match 1:\n    case _:\n        class present: ...": "line 3: present must be a function of this file: "
    "write def present(items, context).",
    "try: ...\nexcept OSError:\n    from json import loads as before_delete": "line 3: before_delete must be",
    "async def present(items, context): ...": "line 1: present is async, and own code runs synchronously: "
    "write def present(items, context).",
    "def before_delete(current, context):\n    yield": "line 1: before_delete has a yield, so a call would not run it",
    "def before_update(draft, context): ...": "line 1: before_update takes (draft, context) but is called with "
    "(draft, current, context): write def before_update(draft, current, context).",
    "def before_update(current, draft, context): ...": "line 1: before_update takes (current, draft, context) but its "
    "arguments come as (draft, current, context): write def before_update(draft, current, context).",
    "def before_create(draft, context, more): ...": "line 1: before_create takes (draft, context, more) but is called",
    "def before_create(draft, *, context): ...": "line 1: before_create takes (draft, *, context) but is called with",
    "def f(:": "line 1 is not valid Python 3.",
    "x = '\0'": " has a NUL byte in line 1: remove it, or save the text again as UTF-8.",
    "import trestle": "line 1 imports trestle, which is private to Trestle: use what trestle.app has.",
    "from trestle import entity, app": "line 1 imports trestle, which is private to Trestle: "
    "write from trestle.app import entity.",
    "def f():\n    import trestle.store.put as put": "line 2 imports trestle.store.put, which is private to Trestle",
    "from trestle.item import Draft, Item": "line 1 imports trestle.item, which is private to Trestle: "
    "write from trestle.app import Draft.",
    "if TYPE_CHECKING:\n    from trestle.context import Context": "line 2 imports trestle.context, which is private to "
    "Trestle: write from trestle.app import Context.",
    "from trestle.app import entitty, Draft": "line 1: trestle.app has no entitty. Did you mean entity?",
    "from trestle.app import Zebra": "line 1: trestle.app has no Zebra.",
    "from .. import money": "line 1: the relative import leads out of app/. Write the full name.",
    "from app import monei": "line 1 imports monei of app, but app/ has no monei.",
    "from app.money import total": "line 1 imports total of app.money, but app/money.py has no total.",
    "import app.lib.nothing": "line 1 imports app.lib.nothing, which app/ does not have.",
    "import app.monney": "line 1 imports app.monney, which app/ does not have. Did you mean app.money?",
    "import money": "line 1 imports money, which is a module of app/: write from app import money.",
    "import create.helper": "line 1 imports create.helper, which neither app/ nor Lambda's Python has. "
    "Add its package to app/requirements.in, then run `make requirements`.",
    "def f():\n    from yaml import load": "line 2 imports yaml, which neither app/ nor Lambda's Python has.",
    "import telnetlib": "line 1 imports telnetlib, which Lambda's Python no longer has.",
    "try:\n    import yaml\nexcept OSError: ...": "line 2 imports yaml, which neither",
}


@pytest.mark.parametrize("text", FAULTS)
def test_invalid_code_is_refused(root: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    lines = build_error(root, capsys, {"bookings.py": text, "money.py": "rate = 1\n", "lib/dates.py": ""})
    assert len(lines) == 1
    assert lines[0].startswith("app/bookings.py")
    assert FAULTS[text] in lines[0]


GOOD = [
    "try:\n    import orjson\nexcept ImportError:\n    orjson = None",
    "try:\n    from simplejson import loads\nexcept (KeyError, ModuleNotFoundError):\n    from json import loads",
    "try:\n    import orjson\nexcept:\n    orjson = None",
    "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import stubs\n    from trestle.app import Context",
    "from trestle.app import *",
    "from trestle import app as trestle",
    "import trestle.app",
    "import app",
    "import app.lib.dates, app.money as m, os.path",
    "from app import lib, money\nfrom app.money import *",
    "from app.lib import dates\nfrom .lib.dates import day\nfrom . import money",
    "import botocore.config",
    "present_ = [before for before in ()][:0] if 0 else None".replace("present_", "_present"),
]


@pytest.mark.parametrize("text", GOOD)
def test_valid_code_is_accepted(root: Path, text: str) -> None:
    write_files(root, {"app/bookings.py": text, "app/money.py": "rate = 1\n", "app/lib/dates.py": "def day(): ...\n"})
    assert run(root) == 0


def test_relative_imports_start_at_the_package(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app = {"lib/__init__.py": "from . import dates\nfrom .. import money", "lib/dates.py": "from .. import money"}
    write_files(root, {f"app/{name}": text for name, text in app.items()} | {"app/money.py": ""})
    assert run(root) == 0
    capsys.readouterr()
    (root / "app/money.py").unlink()
    assert run(root) == 1
    assert capsys.readouterr().err.splitlines() == [
        "build.py: app/lib/__init__.py line 2 imports money of app, but app/ has no money.",
        "build.py: app/lib/dates.py line 1 imports money of app, but app/ has no money.",
    ]


def test_names_that_are_invalid_or_ambiguous(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ["my-rules.py", "Rules.py", "1st.py", f"{'x' * 41}.py", "a b/rules.py", "pay.py", "pay/__init__.py"]
    lines = build_error(root, capsys, dict.fromkeys(names, ""))
    cannot = [re.findall('"(.*)" cannot be the name of a module', line) for line in lines]
    assert sorted(name for found in cannot for name in found) == sorted(["my-rules", "Rules", "1st", "x" * 41, "a b"])
    assert lines[-1] == "app/pay/__init__.py and app/pay.py have the same import name: rename one of them."


def test_every_fault_is_a_line(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app = {"a.py": "import yaml\ndef present(): ...", "b.py": "def g(:", "c.py": "import yaml\ndef after_x(): ..."}
    places = [line.partition(":")[0].partition(" is")[0] for line in build_error(root, capsys, app)]
    assert places == ["app/a.py line 2", "app/b.py line 1", "app/c.py line 2"]
    app = {"a.py": "import yaml", "b.py": "", "c.py": "import nothing"}
    assert [line.partition(",")[0] for line in build_error(root, capsys, app)] == [
        "app/a.py line 1 imports yaml", "app/c.py line 1 imports nothing",
    ]  # fmt: skip


# --- Building again ---


def test_edited_own_code_is_rebuilt(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_files(root, {"app/bookings.py": CREATE, "app/requirements.txt": ""})
    run(root)
    assert manifest(root)["inputs"].keys() - TRESTLE.keys() == {"app/bookings.py", "app/requirements.txt"}
    capsys.readouterr()
    assert (run(root), run(root, "--check")) == (0, 0)
    assert capsys.readouterr().out == (
        "dist/ is up to date: create, create.bookings, delete, entity, entity.bookings, list, merge.\n"
    )
    (root / "app/bookings.py").write_text(f"{CREATE}\n")
    assert run(root, "--check") == 1
    assert "dist/ differs from a build of its sources (create.bookings.zip, " in capsys.readouterr().err
    assert run(root) == 0
    (root / "app/bookings.py").unlink()
    assert run(root) == 0
    assert sorted(path.stem for path in (root / "dist").glob("*.zip")) == PLAIN


def test_own_code_is_read_from_the_project(root: Path, tmp_path: Path) -> None:
    write_files(root, {"app/rooms.py": CREATE})
    project = write_files(tmp_path / "project", {"app/bookings.py": CREATE})
    assert run(root, "--project", str(project)) == 0
    assert list(manifest(project)["app"]) == ["bookings"]
    assert own_files(names(project, "create.bookings")) == ["app/bookings.py"]


def test_editors_copies_are_not_modules(root: Path) -> None:
    write_files(
        root, {"app/bookings.py": CREATE, "app/.#bookings.py": "(", "app/__pycache__/x.py": "(", "app/#a.py": "("}
    )
    run(root)
    assert list(manifest(root)["app"]) == ["bookings"]


def test_same_bytes_from_any_folder(root: Path, tmp_path: Path) -> None:
    app = {"app/bookings.py": CREATE, "app/b.py": "from app import bookings", "app/a.py": CREATE}
    write_files(root, app)
    other = write_files(tmp_path / "deep" / "er", dict(reversed((TRESTLE | app).items())))
    for each in (root, other):
        program = f"import build, pathlib; build.main([], pathlib.Path({str(each)!r}))"
        variables = {**os.environ, "PYTHONHASHSEED": str(len(str(each)))}
        subprocess.run([sys.executable, "-c", program], cwd=build.ROOT, env=variables, check=True, capture_output=True)
    assert (root / "dist/manifest.json").read_bytes() == (other / "dist/manifest.json").read_bytes()


def test_syntax_that_only_this_python_accepts(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    python = tmp_path / "python"
    python.write_text("""#!/bin/sh
cat > /dev/null
echo '[{"fault": "app/bookings.py line 1 is not valid Python 3.13: no."}, {"code": ""}]'
""")
    python.chmod(0o755)
    monkeypatch.setattr(build, "python_commands", lambda: iter([[str(python)]]))
    write_files(root, {"app/bookings.py": CREATE})
    assert build.main([], root) == 1
    assert capsys.readouterr().err == "build.py: app/bookings.py line 1 is not valid Python 3.13: no.\n"


def test_a_function_of_app_has_a_zip_with_all_schemas_and_all_hooks(tmp_path: Path) -> None:
    """Builds Trestle's own sources with a project in which one module writes items that have hooks in another."""
    project = write_files(
        tmp_path,
        {
            "app/pay.py": "from app import money\nfrom trestle.app import entity\ndef pay(request, context): ...\n",
            "app/money.py": "RATE = 2\n",
            "app/bookings.py": "from app import rules\ndef before_create(draft, context): ...\n",
            "app/rules.py": "",
            "app/shown.py": "def present(items, context): ...\n",
            "schemas/receipt.json": '{"type": "object"}',
        },
    )
    assert build.main(["--bytecode", "none", "--project", str(project)]) == 0
    entry = json.loads((project / "dist/manifest.json").read_bytes())["functions"]["app.pay"]
    assert entry["file"] == "app.pay.zip"
    packed = names(project, "app.pay")
    modules = ("bookings", "money", "pay", "rules")
    assert [name for name in packed if name.startswith("app/")] == [f"app/{name}.py" for name in modules]
    assert {"index.py", "trestle/functions/routes.py", "trestle/app.py", "schemas/receipt.json"} <= {*packed}
    assert not [name for name in names(project, "create") if name.startswith(("app", "trestle/app", "trestle/own"))]
