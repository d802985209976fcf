"""Test own code's packages: read from the lock, installed without a network, packed where they are imported."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import build
from tests.unit.test_own_code import CREATE, TRESTLE, manifest, names, run, write_files
from tools import packages, venv

ARM = "cp313-cp313-manylinux_2_28_aarch64"
FILES = {
    "money-1.0": {"money/__init__.py": "rate = 1\n", "money/template.py": "{% if %}", "../../bin/money": "#!"},
    "tax-2.0": {"tax.py": "", "tax_data/rates.json": "{}"},
    "spare-1.0": {"spare.py": ""},
}
METADATA = {
    "money-1.0": ["Tax[eu]>=2 ; python_version >= '3.8'", "spare ; sys_platform == 'win32'", "absent"],
    "tax-2.0": ["money ; extra == 'eu'", "spare ; extra == 'x'"],
}


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels that installers use instead of an index."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    return folder


# pip takes seconds, uv a fraction of one.
EACH = ["uv", pytest.param("pip", marks=pytest.mark.slow)]


@pytest.fixture(params=["uv", "pip"])
def installer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each supported installer."""
    if request.param == "pip":
        monkeypatch.setattr(venv, "usable_uv", lambda _: None)
    else:
        uv = venv.usable_uv("uv") or venv.usable_uv(Path(sys.executable).with_name("uv"))
        monkeypatch.setattr(venv, "usable_uv", lambda _: uv)
        assert uv
    return str(request.param)


def wheel(
    index: Path, distribution: str, files: Mapping[str, str], needs: list[str] | None = None, tag: str = ""
) -> str:
    """Write a wheel to the index; return its line for a lock."""
    name, version = distribution.split("-")
    info = f"{distribution}.dist-info"
    tag = tag or "py3-none-any"
    described = "".join(f"Requires-Dist: {each}\n" for each in needs or ())
    content = {
        **{path.replace("../../bin/", f"{distribution}.data/scripts/"): text for path, text in files.items()},
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{described}Provides-Extra: x\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    record = io.StringIO()
    rows = csv.writer(record, lineterminator="\n")
    for path, text in content.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
        rows.writerow((path, f"sha256={digest}", len(text.encode())))
    rows.writerow((f"{info}/RECORD", "", ""))
    file = index / f"{distribution}-{tag}.whl"
    with zipfile.ZipFile(file, "w") as archive:
        for path, text in {**content, f"{info}/RECORD": record.getvalue()}.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}\n"


def lines(index: Path) -> str:
    """Return a lock of all the wheels in FILES."""
    return "".join(wheel(index, name, files, METADATA.get(name)) for name, files in FILES.items())


def project(tmp_path: Path, lock: str, **modules: str) -> Path:
    app = {f"app/{name}.py": text for name, text in modules.items()}
    return write_files(tmp_path / "repository", {**TRESTLE, **app, "app/requirements.txt": lock})


def foreign(root: Path, name: str) -> list[str]:
    return [each for each in names(root, name) if each.split("/")[0] not in ("app", "trestle", "hooked.py", "index.py")]


# --- What is packed ---


def test_packages_are_packed_where_they_are_imported(tmp_path: Path, index: Path) -> None:
    root = project(
        tmp_path,
        lines(index),
        bookings=f"def f():\n    import money.more\n{CREATE}",
        rooms=f"import tax_data\n{CREATE}",
    )
    (root / "app" / "rooms.py").write_text("from tax_data import rates\ndef present(items, context): ...\n")
    assert run(root) == 0
    info = ["money-1.0.dist-info/METADATA", "money-1.0.dist-info/WHEEL"]
    tax = ["tax-2.0.dist-info/METADATA", "tax-2.0.dist-info/WHEEL", "tax.py", "tax_data/rates.json"]
    assert foreign(root, "create.bookings") == [*info, "money/__init__.py", "money/template.py", *tax]
    assert foreign(root, "list.rooms") == tax
    assert foreign(root, "create") == []
    assert manifest(root)["platform"] == "lambda"


@pytest.mark.slow
def test_both_installers_give_the_same_bytes(tmp_path: Path, index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = lines(index)
    found = []
    uv = venv.usable_uv("uv") or venv.usable_uv(Path(sys.executable).with_name("uv"))
    assert uv
    for each in (uv, None):
        monkeypatch.setattr(venv, "usable_uv", lambda _, each=each: each)
        root = project(tmp_path / str(each is None), lock, bookings=f"import money\n{CREATE}")
        assert build.main([], root) == 0
        found.append({path.name: path.read_bytes() for path in (root / "dist").iterdir() if path.is_file()})
    assert found[0] == found[1]


def test_byte_code_only_of_readable_files(tmp_path: Path, index: Path) -> None:
    root = project(tmp_path, lines(index), bookings=f"import money\n{CREATE}")
    assert build.main(["--bytecode", "require"], root) == 0
    compiled = [name for name in foreign(root, "create.bookings") if name.endswith(".pyc")]
    assert compiled == [
        "__pycache__/hooked.cpython-313.pyc",
        "__pycache__/tax.cpython-313.pyc",
        "money/__pycache__/__init__.cpython-313.pyc",
    ]


def test_an_unchanged_lock_needs_no_network(tmp_path: Path, index: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = project(tmp_path, lines(index), bookings=f"import money\n{CREATE}")
    assert run(root) == 0
    before = (root / "dist" / "create.bookings.zip").read_bytes()
    for file in index.iterdir():
        file.unlink()
    (root / "app" / "bookings.py").write_text(f"import money\nx = 1\n{CREATE}")
    assert (run(root), run(root, "--check")) == (0, 0)
    assert (root / "dist" / "create.bookings.zip").read_bytes() != before
    # A damaged or incomplete copy is not packed.
    (cache,) = (root / "dist" / packages.CACHE).iterdir()
    for damage in (lambda: (cache / "tax.py").write_text("x = 1"), (cache / "money" / "__init__.py").unlink):
        damage()
        capsys.readouterr()
        assert run(root, "--check") == 1
        assert capsys.readouterr().err.startswith("build.py: app/requirements.txt: money==1.0 has no wheel")
        lock = lines(index)
        assert run(root) == 0
        assert (cache / "tax.py").read_text() == ""
        for file in index.iterdir():
            file.unlink()
    assert lock == (root / "app" / "requirements.txt").read_text()


def test_a_lock_replaces_what_the_last_one_installed(tmp_path: Path, index: Path) -> None:
    root = project(tmp_path, lines(index), bookings=f"import money\n{CREATE}")
    run(root)
    (root / "app" / "requirements.txt").write_text(wheel(index, "coin-1.0", {"money.py": ""}))
    assert run(root) == 0
    assert "money.py" in names(root, "create.bookings")
    assert len(list((root / "dist" / packages.CACHE).iterdir())) == 1


def test_packages_that_are_the_same_in_lambda_are_installed_once(tmp_path: Path, index: Path) -> None:
    root = project(tmp_path, wheel(index, "coin-1.0", {"money.py": ""}), bookings=f"import money\n{CREATE}")
    assert run(root) == 0
    built = (root / "dist" / "manifest.json").read_bytes()
    assert run(root, "--platform", "laptop") == 0
    assert (root / "dist" / "manifest.json").read_bytes() == built
    assert manifest(root)["platform"] == "lambda"


def test_packages_only_for_this_machine_make_a_second_build(tmp_path: Path, index: Path) -> None:
    needs = [f"spare ; sys_platform == '{sys.platform}' and platform_machine != 'aarch64'"]
    lock = wheel(index, "coin-1.0", {"money.py": ""}, needs) + wheel(index, "spare-1.0", {"spare.py": ""})
    root = project(tmp_path, lock, bookings=f"import money\n{CREATE}")
    for platform, has_spare in (("laptop", True), ("lambda", False)):
        assert run(root, "--platform", platform) == 0
        assert manifest(root)["platform"] == platform
        assert ("spare.py" in names(root, "create.bookings")) == has_spare


def test_packages_impossible_in_lambda_are_built_for_this_machine(
    tmp_path: Path, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install = packages.install

    def failing(app: Any, platform: packages.Platform, dist: Path) -> packages.Packages | None:
        if platform.name == "lambda":
            raise packages.PackagesError("It has no wheel for Lambda.")
        return install(app, platform, dist)

    monkeypatch.setattr(packages, "install", failing)
    root = project(tmp_path, wheel(index, "coin-1.0", {"money.py": ""}), bookings=f"import money\n{CREATE}")
    assert run(root, "--platform", "laptop") == 0
    assert manifest(root)["platform"] == "laptop"


def test_the_laptop_runs_packages_of_this_machine(tmp_path: Path, index: Path) -> None:
    arm = wheel(index, "money-1.0", {"money.py": "place = 'lambda'"}, tag=ARM).split(" ")
    any_ = wheel(index, "money-1.0", {"money.py": "place = 'laptop'"}).split(" ")
    root = project(tmp_path, " ".join([*arm, any_[1]]).replace("\n", ""), bookings=f"import money\n{CREATE}", rooms="")
    for platform, place in [("laptop", "laptop"), ("lambda", "lambda"), ("laptop", "laptop")]:
        assert run(root, "--platform", platform) == 0
        assert manifest(root)["platform"] == platform
        with zipfile.ZipFile(root / "dist" / "create.bookings.zip") as archive:
            assert archive.read("money.py").decode() == f"place = '{place}'"
        assert run(root, "--check") == 0
    (root / "app" / "bookings.py").write_text(CREATE)
    run(root)
    without = (root / "dist" / "manifest.json").read_bytes()
    assert json.loads(without)["platform"] is None
    run(root, "--platform", "laptop")
    assert (root / "dist" / "manifest.json").read_bytes() == without


def test_lambdas_own_boto3_unless_another_is_pinned(tmp_path: Path, index: Path) -> None:
    root = project(tmp_path, lines(index), bookings=f"import boto3\n{CREATE}")
    assert run(root) == 0
    assert foreign(root, "create.bookings") == []
    (root / "app" / "requirements.txt").write_text(wheel(index, "boto3-9.0", {"boto3/__init__.py": ""}))
    assert run(root) == 0
    assert "boto3/__init__.py" in foreign(root, "create.bookings")


def test_folders_that_packages_share(tmp_path: Path, index: Path) -> None:
    lock = "".join(
        wheel(index, name, files)
        for name, files in {
            "cloud_a-1.0": {"cloud/a/__init__.py": "", "cloud/a/x.py": ""},
            "cloud_b-1.0": {"cloud/b.py": ""},
            "fast-1.0": {"_fast.cpython-313-aarch64-linux-gnu.so": "", "fast.abi3.so": ""},
        }.items()
    )
    root = project(tmp_path, lock, bookings=f"import cloud.a.x\n{CREATE}", rooms="")

    def found(text: str) -> set[str]:
        (root / "app" / "bookings.py").write_text(f"{text}\n{CREATE}")
        assert run(root) == 0
        return {name.split("-")[0] for name in foreign(root, "create.bookings") if ".dist-info" in name}

    assert found("import cloud.a.x") == {"cloud_a"}
    assert found("from cloud import b") == {"cloud_b"}
    assert found("import cloud") == {"cloud_a", "cloud_b"}
    assert found("import _fast") == found("import fast") == {"fast"}


@pytest.mark.slow
def test_packages_of_the_index(tmp_path: Path) -> None:
    """Locks with `make requirements`, as users do, and installs wheels for Lambda and for this machine."""
    root = project(tmp_path, "", bookings=f"import orjson, requests\nfrom yaml import load\n{CREATE}")
    (root / "app" / "requirements.in").write_text("orjson\nPyYAML\nrequests\n")
    (root / "Makefile").symlink_to(build.ROOT / "Makefile")
    search = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    subprocess.run(["make", "requirements", "PYTHON=true"], cwd=root, check=True, env={**os.environ, "PATH": search})
    assert run(root) == 0
    modules = names(root, "create.bookings")
    assert {name for name in modules if name.startswith("orjson/orjson.")} == {
        "orjson/orjson.cpython-313-aarch64-linux-gnu.so"
    }
    assert {"requests/__init__.py", "yaml/__init__.py", "certifi/cacert.pem", "idna/__init__.py"} <= set(modules)
    assert foreign(root, "create") == []
    assert run(root, "--platform", "laptop") == 0
    folder = tmp_path / "task"
    with zipfile.ZipFile(root / "dist" / "create.bookings.zip") as archive:
        archive.extractall(folder)
    program = "import orjson, requests, yaml; print(orjson.__file__, yaml.safe_load('[1]'))"
    done = subprocess.run([sys.executable, "-S", "-c", program], cwd=folder, check=True, capture_output=True, text=True)
    assert done.stdout.startswith(f"{folder}/orjson/")


# --- The authorizer's libraries


@pytest.fixture
def trestle(tmp_path: Path, index: Path) -> Path:
    """A repository with an authorizer, the lock of its libraries, and their wheels, only for Lambda."""
    lock = wheel(index, "PyJWT-2.0", {"jwt/__init__.py": "import crypto\n", "jwt/odd.py": "{%"}, ["Crypto"])
    lock += wheel(index, "Crypto-1.0", {"crypto/__init__.py": "", "crypto/rust.abi3.so": "ELF"}, tag=ARM)
    lock += wheel(index, "Windows-1.0", {"windows.py": ""}).replace(" --hash", " ; sys_platform == 'win32' --hash")
    code = "import jwt\nfrom trestle.http.create import lambda_handler\n"
    return write_files(
        tmp_path / "repository",
        {**TRESTLE, "lambda_src/authorizer/index.py": code, "requirements/authorizer.txt": lock},
    )


INFO = [f"{name}.dist-info/{file}" for name in ("Crypto-1.0", "PyJWT-2.0") for file in ("METADATA", "WHEEL")]
LIBRARIES = [*INFO, "crypto/__init__.py", "crypto/rust.abi3.so", "jwt/__init__.py", "jwt/odd.py"]


def test_without_jwt_the_authorizer_has_only_our_code(trestle: Path, index: Path) -> None:
    for file in index.iterdir():
        file.unlink()
    assert run(trestle) == 0
    assert foreign(trestle, "authorizer") == []
    assert manifest(trestle)["authorizer"] is None
    assert not (trestle / "dist" / ".packages").exists()
    assert run(trestle, "--platform", "laptop", "--authorizer") == 0
    assert foreign(trestle, "authorizer") == [], "on the laptop they are in .venv"


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("environments/prod.tfvars", 'name = "x"\n  jwt  ={ issuer = "https://x" }\n'),
        ("environments/prod.tfvars.json", '{"name": "x", "jwt" : {"issuer": "https://x"}}'),
        ("terraform.tfvars", "jwt = {\n}"),
        ("main.tf", 'module "api" {\n  jwt = {\n    issuer = "https://x"\n  }\n}\n'),
    ],
)
def test_with_jwt_the_authorizer_has_its_libraries(trestle: Path, file: str, text: str) -> None:
    (trestle / file).parent.mkdir(exist_ok=True)
    (trestle / file).write_text(text)
    assert run(trestle) == 0
    assert foreign(trestle, "authorizer") == LIBRARIES
    assert manifest(trestle)["authorizer"] == "lambda"
    assert foreign(trestle, "merge") == [], "no other function has them"
    assert run(trestle, "--check") == 0
    assert run(trestle, "--platform", "laptop") == 0
    assert (foreign(trestle, "authorizer"), manifest(trestle)["authorizer"]) == ([], None)
    assert run(trestle, "--check") == 0


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("environments/prod.tfvars", "# jwt = {\njwt = null\nmy_jwt = {}\n"),
        ("main.tf", "jwt = var.jwt"),
        ("examples/prod.tfvars", "jwt = {}"),
    ],
)
def test_tfvars_that_set_no_jwt(trestle: Path, file: str, text: str) -> None:
    (trestle / file).parent.mkdir(exist_ok=True)
    (trestle / file).write_text(text)
    assert run(trestle) == 0
    assert manifest(trestle)["authorizer"] is None


def test_an_option_packs_the_libraries(trestle: Path, index: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = run(trestle, "--authorizer")
    content = (trestle / "dist" / "authorizer.zip").read_bytes()
    assert (first, foreign(trestle, "authorizer")) == (0, LIBRARIES)
    for file in index.iterdir():
        file.unlink()
    assert run(trestle, "--authorizer") == 0
    assert "up to date" in capsys.readouterr().out
    assert (run(trestle), foreign(trestle, "authorizer")) == (0, [])
    assert run(trestle, "--authorizer") == 0, "an unchanged lock needs no network"
    assert (trestle / "dist" / "authorizer.zip").read_bytes() == content


def test_the_lock_of_the_libraries_is_an_input(trestle: Path) -> None:
    assert run(trestle) == 0
    lock = trestle / "requirements" / "authorizer.txt"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    assert manifest(trestle)["inputs"]["requirements/authorizer.txt"] == digest
    lock.write_text(lock.read_text() + "# changed\n")
    assert run(trestle, "--check") == 1


def test_libraries_and_packages_are_cached_separately(trestle: Path, index: Path) -> None:
    (trestle / "app").mkdir()
    (trestle / "app" / "bookings.py").write_text(f"import money\n{CREATE}")
    (trestle / "app" / "requirements.txt").write_text(lines(index))
    assert run(trestle, "--authorizer") == 0
    kept = sorted(path.name.partition("-")[0] for path in (trestle / "dist" / ".packages").iterdir())
    assert kept == ["authorizer", "lambda"]
    assert "crypto/__init__.py" not in names(trestle, "create.bookings")
    assert "money/__init__.py" not in names(trestle, "authorizer")
    (trestle / "lambda_src" / "merge" / "index.py").write_text("import jwt\nlambda_handler = 1\n")
    assert run(trestle, "--authorizer") == 1


@pytest.mark.slow
@pytest.mark.parametrize("installer", EACH, indirect=True)
def test_the_libraries_of_the_index(tmp_path: Path, installer: str) -> None:
    """Installs the real lock for Lambda: native code for its processor, and the same bytes with each installer."""
    (tmp_path / "schemas").mkdir()
    assert build.main(["--project", str(tmp_path), "--authorizer", "--bytecode", "none"]) == 0
    with zipfile.ZipFile(tmp_path / "dist" / "authorizer.zip") as archive:
        held = set(archive.namelist())
        native = {name: archive.read(name) for name in held if name.endswith(".so")}
    assert {"index.py", "trestle/authorizer/handler.py", "jwt/__init__.py", "cryptography/__init__.py"} <= held
    assert native.keys() >= {"cryptography/hazmat/bindings/_rust.abi3.so"}
    assert {content[18:20] for content in native.values()} == {b"\xb7\0"}, "arm64 in an ELF header"
    assert not [name for name in held if name.startswith("trestle/store/")], "it uses no database"


def test_libraries_that_cannot_be_installed(trestle: Path, index: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (index / f"Crypto-1.0-{ARM}.whl").unlink()
    assert run(trestle, "--authorizer") == 1
    error = capsys.readouterr().err
    assert error.startswith("build.py: The packages of requirements/authorizer.txt could not be installed: ")
    assert error.endswith("If you trust the index, run `make locks`.\n")
    assert not (trestle / "dist" / "authorizer.zip").exists()


# --- What stops a build ---


def build_error(root: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    capsys.readouterr()
    assert run(root, *arguments) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    return [line.removeprefix("build.py: ") for line in printed.err.splitlines()]


SHA = f"--hash=sha256:{'0' * 64}"
REMEDY = "into app/requirements.in, then run `make requirements`."


def test_invalid_lines_of_a_lock(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lock = f"""# a comment
requests>=2 {SHA}
money==1.0  # without a hash
money==1.* {SHA}
-r other.txt
--index-url https://example.com
tax @ https://example.com/tax.whl {SHA}
good==1.0 ; sys_platform == "win32" \\
    {SHA} \\
    {SHA}
    # via money

{SHA}
"""
    assert build_error(project(tmp_path, lock), capsys) == [
        f"app/requirements.txt line 2: requests>=2 is not pinned to one version. Pin it with ==: write it {REMEDY}",
        f"app/requirements.txt line 3: money==1.0 has no hash. Write it {REMEDY}",
        f"app/requirements.txt line 4: money==1.* is not pinned to one version. Pin it with ==: write it {REMEDY}",
        "app/requirements.txt line 5: -r is an option. Set it in the configuration of pip or uv.",
        "app/requirements.txt line 6: --index-url is an option. Set it in the configuration of pip or uv.",
        "app/requirements.txt line 7: tax @ https://example.com/tax.whl is not pinned to one version. "
        f"Pin it with ==: write it {REMEDY}",
        f"app/requirements.txt line 13: {SHA} is an option. Set it in the configuration of pip or uv.",
    ]


def test_a_package_without_a_wheel(
    tmp_path: Path, index: Path, installer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = wheel(index, "money-1.0", {"money.py": ""}, tag="cp313-cp313-macosx_11_0_arm64")
    root = project(tmp_path, lock, bookings=f"import money\n{CREATE}")
    assert build_error(root, capsys) == [
        "app/requirements.txt: money==1.0 has no wheel for Lambda (Linux on arm64, Python 3.13) with a hash of the "
        "lock. Choose another version or package in app/requirements.in, then run `make requirements`."
    ]
    assert not list(root.glob("dist/.packages/.*"))


@pytest.mark.parametrize("installer", EACH, indirect=True)
def test_files_with_another_hash(
    tmp_path: Path, index: Path, installer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    wheel(index, "money-1.0", {"money.py": ""})
    root = project(tmp_path, f"money==1.0 {SHA}", bookings=f"import money\n{CREATE}")
    (line,) = build_error(root, capsys)
    assert "the index has files with other hashes" in line or "has no wheel" in line


@pytest.mark.parametrize("installer", EACH, indirect=True)
def test_no_network_and_no_copy(
    tmp_path: Path, index: Path, installer: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {"INDEX_URL": "http://127.0.0.1:9/simple", "RETRIES": "1", "TIMEOUT": "2"}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.delenv("PIP_NO_INDEX")
    root = project(tmp_path, f"money==1.0 {SHA}", bookings=f"import money\n{CREATE}")
    (line,) = build_error(root, capsys)
    assert line.startswith(
        "The packages of app/requirements.txt could not be installed, and dist/ has no copy of them. "
        "Check the connection to the package index ("
    )


def test_an_import_without_a_package(tmp_path: Path, index: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = project(tmp_path, lines(index), bookings=f"import money\nimport yaml\n{CREATE}")
    assert build_error(root, capsys) == [
        "app/bookings.py line 2 imports yaml, which neither app/, Lambda's Python nor app/requirements.txt has. "
        "Add its package to app/requirements.in, then run `make requirements`."
    ]


def test_a_package_that_shadows_others(tmp_path: Path, index: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lock = lines(index) + wheel(index, "evil-1.0", {"trestle/app.py": "", "index.py": ""})
    assert build_error(project(tmp_path, lock, bookings=f"import money\n{CREATE}"), capsys) == [
        f"app/requirements.txt: evil has {name}, which would replace Trestle's or your own. "
        "Remove that package from app/requirements.in, then run `make requirements`."
        for name in ("index", "trestle")
    ]


def test_a_zip_over_lambdas_limit(
    tmp_path: Path, index: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = wheel(index, "money-1.0", {"money/data.txt": "x" * 3 * 2**20, "money/__init__.py": ""})
    monkeypatch.setattr(build, "LARGEST_ZIP", 2 * 2**20)
    root = project(tmp_path, lock, bookings=f"import money\n{CREATE}")
    (line,) = build_error(root, capsys)
    assert line.startswith(
        "dist/create.bookings.zip would be 3 MB, and Lambda's limit is 2 MB. "
        "Import smaller packages; the largest are money (3 MB), "
    )
    assert not list(root.glob("dist/*.zip"))


def test_no_installer(
    tmp_path: Path, index: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(*_: Any, **__: Any) -> None:
        raise venv.InstallError("There is no pip.")

    monkeypatch.setattr(venv, "usable_uv", lambda _: None)
    monkeypatch.setattr(venv, "find_pip", missing)
    root = project(tmp_path, lines(index), bookings=f"import money\n{CREATE}")
    assert build_error(root, capsys) == [
        "The packages of app/requirements.txt need an installer: install uv, or run `make setup`."
    ]


def test_an_installer_that_fails() -> None:
    platform = packages.platform_of("laptop", "3.13")
    assert packages._reason("Resolving\nNo space left on device", platform, "app/requirements.txt") == (
        "The packages of app/requirements.txt could not be installed: No space left on device"
    )


# --- Environment markers ---

LAMBDA = packages.platform_of("lambda", "3.13").markers
MARKERS = {
    "": True,
    "sys_platform == 'linux'": True,
    "'win' in sys_platform": False,
    "'win' not in sys_platform": True,
    "python_version >= '3.9' and python_version < '3.13'": False,
    "python_full_version < '3.13.1' or os_name == 'nt'": True,
    "(python_version > '3.8' and platform_machine != 'x86_64') or extra == 'x'": True,
    "python_version <= '3.9'": False,
    "python_version == '3.*'": True,
    "python_version != '3.13'": False,
    "python_version == '3.13.0'": True,
    "python_version ~= '3.8'": True,  # unreadable for us, so the installer decides
    "'3' < python_version < '4'": True,
    "unknown == '1'": True,
    "extra == 'x'": False,
}


@pytest.mark.parametrize("marker", MARKERS)
def test_markers(marker: str) -> None:
    assert packages.marker_applies(marker, LAMBDA) is MARKERS[marker]


def test_markers_of_extras() -> None:
    assert packages.marker_applies("extra == 'Big_one' and sys_platform == 'linux'", LAMBDA, ["big-one"])
    assert not packages.marker_applies("extra == 'other'", LAMBDA, ["big-one"])


def test_the_markers_of_this_machine_are_those_of_pip() -> None:
    from packaging.markers import default_environment

    expected = {name: value for name, value in default_environment().items() if "release" not in name}
    found = packages.platform_of("laptop", "3.13").markers
    assert {name: found[name] for name in expected if name != "platform_version"} == {
        name: value for name, value in expected.items() if name != "platform_version"
    }
