"""Test generated clients of the OpenAPI document: type-checked, and run against examples."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.local.runner import ROOT
from tests.local.test_examples import Example, example_fixture
from tests.npm import install_packages

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.slow

CLIENTS = Path(__file__).with_name("clients")
DOCUMENT = "openapi.json"

TYPESCRIPT = ("typescript@5.9.3", "@types/node@20.19.43")
# Versions that run on Node.js 20, and how each generates `generated` or `generated.ts` from the
# document.
GENERATORS = {
    "hey_api": (
        ("@hey-api/openapi-ts@0.95.0",),
        f"openapi-ts -i {DOCUMENT} -o generated -p @hey-api/typescript @hey-api/sdk @hey-api/client-fetch",
    ),
    "openapi_fetch": (
        ("openapi-typescript@7.13.0", "openapi-fetch@0.17.0"),
        f"openapi-typescript {DOCUMENT} -o generated.ts --default-non-nullable=false",
    ),
    "orval": (("orval@7.13.2",), "orval --config orval.config.js"),
    "swagger_typescript_api": (
        ("swagger-typescript-api@13.13.0",),
        f"swagger-typescript-api generate -p {DOCUMENT} -o . -n generated.ts --disable-throw-on-error",
    ),
}
# The data providers in examples/clients, and the packages whose types they must match.
REACT = ("react@18.3.1", "react-dom@18.3.1", "@types/react@18.3.32", "@tanstack/react-query@5.108.4")
ROUTER = ("react-router@7.18.6", "react-router-dom@7.18.6", "react-hook-form@7.92.0")
PROVIDERS = {
    "react-admin": ("ra-core@5.15.4", *REACT, *ROUTER),
    "refine": ("@refinedev/core@5.0.12", "@types/react-dom@18.3.7", *REACT),
}
STRICT = (
    *("--strict", "--target", "es2022", "--lib", "es2022,dom,dom.iterable", "--module", "commonjs"),
    *(
        "--moduleResolution",
        "node10",
        "--esModuleInterop",
        "--types",
        "node",
        "--skipLibCheck",
        "--outDir",
        "out",
    ),
)
# The API's address is the one in the document.
ORVAL = """module.exports = { api: {
  input: "openapi.json",
  output: { target: "generated.ts", client: "fetch", baseUrl: { getBaseUrlFromSpecification: true } },
} };
"""

PYTHON_GENERATORS = {
    "openapi_generator": (
        ("openapi-generator-cli==7.26.0", "pydantic==2.14.4", "python-dateutil==4.0.0", "urllib3==2.8.0"),
        f"openapi-generator-cli generate -i {DOCUMENT} -g python -o . --package-name generated",
    ),
    "openapi_python_client": (
        ("openapi-python-client==0.29.1",),
        f"openapi-python-client generate --path {DOCUMENT} --meta none --output-path generated --fail-on-warning",
    ),
}
MYPY = "mypy==2.4.1"

_items, _todos = map(example_fixture, ("items", "todos"))


@pytest.fixture(params=["items", "todos"])
def running_example(request: pytest.FixtureRequest) -> tuple[str, Example]:
    """Each example with generated clients, and its name."""
    found: Example = request.getfixturevalue(request.param)
    return request.param, found


def find_tool(name: str, use: str) -> str:
    """Return the path of a required program; fail if it is missing, since no test may be skipped unnoticed."""
    found = shutil.which(name)
    assert found, f"This test needs {name}: install {use}."
    return found


def run(folder: Path, command: Sequence[str | Path], **environment: str) -> str:
    """Run a command that must succeed; return its output."""
    done = subprocess.run(
        command, cwd=folder, check=False, capture_output=True, text=True, env={**os.environ, **environment}
    )
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"
    return done.stdout


def compile_and_run(folder: Path, script: str, **environment: str) -> str:
    """Type-check a TypeScript program strictly and run it; return its output."""
    tsc = Path("node_modules", ".bin", "tsc")
    run(folder, [tsc, "--noEmit", *STRICT, f"{script}.ts"])
    run(folder, [tsc, *STRICT, f"{script}.ts"])
    return run(folder, [find_tool("node", "Node.js 20 or newer"), f"out/{script}.js"], **environment)


def write_document(folder: Path, url: str, *files: Path) -> None:
    """Write the served document and files to the folder."""
    with urllib.request.urlopen(f"{url}/{DOCUMENT}") as answer:
        (folder / DOCUMENT).write_bytes(answer.read())
    for file in files:
        shutil.copy(file, folder)


@pytest.mark.parametrize("generator", GENERATORS)
def test_a_generated_typescript_client_works(
    generator: str, running_example: tuple[str, Example], tmp_path: Path
) -> None:
    packages, command = GENERATORS[generator]
    name, stack = running_example
    sources = CLIENTS / "typescript" / name
    write_document(tmp_path, stack.url, sources / "scenario.ts", sources / f"{generator}.ts")
    (tmp_path / "package.json").write_text("{}")
    (tmp_path / "orval.config.js").write_text(ORVAL)
    (tmp_path / "node_modules").symlink_to(install_packages(*TYPESCRIPT, *packages) / "node_modules")
    program, *arguments = command.split()
    run(tmp_path, [Path("node_modules", ".bin", program), *arguments])
    assert compile_and_run(tmp_path, generator, API_URL=stack.url) == "done\n"


@pytest.mark.parametrize("framework", PROVIDERS)
def test_a_data_provider_matches_its_frameworks_types(framework: str, todos: Example, tmp_path: Path) -> None:
    for file in (
        *(ROOT / "examples" / "clients").glob("*.ts"),
        CLIENTS / "providers" / f"{framework}.test.ts",
    ):
        shutil.copy(file, tmp_path)
    (tmp_path / "node_modules").symlink_to(install_packages(*TYPESCRIPT, *PROVIDERS[framework]) / "node_modules")
    assert compile_and_run(tmp_path, f"{framework}.test", API_URL=todos.url) == "done\n"


@pytest.mark.parametrize("generator", PYTHON_GENERATORS)
def test_a_generated_python_client_works(generator: str, running_example: tuple[str, Example], tmp_path: Path) -> None:
    if generator == "openapi_generator":
        find_tool("java", "a Java runtime 11 or newer")
    packages, command = PYTHON_GENERATORS[generator]
    name, stack = running_example
    script = f"{generator}_{name}.py"
    write_document(tmp_path, stack.url, CLIENTS / "python" / script)
    commands = tmp_path / "venv" / "bin"
    run(tmp_path, [sys.executable, "-m", "venv", commands.parent])
    run(tmp_path, [commands / "python", "-m", "pip", "install", "--quiet", MYPY, *packages])
    # openapi-python-client formats its output with the ruff on PATH.
    path = os.pathsep.join([str(commands), str(Path(sys.executable).parent), os.environ["PATH"]])
    program, *arguments = command.split()
    run(tmp_path, [commands / program, *arguments], PATH=path)
    run(tmp_path, [commands / "mypy", "--strict", "--follow-imports", "silent", script])
    key = stack.keys.get("default", "")
    assert run(tmp_path, [commands / "python", script, stack.url, key]) == "done\n"
