"""Install the packages that own code imports, pinned in app/requirements.txt, for the functions' zips.

The packages of Trestle's authorizer, pinned in requirements/authorizer.txt, are installed the same
way.

The lock is complete and hashed, so that nothing is resolved. Only wheels are installed, by uv or,
without uv, by pip. Both install the same files, except for metadata that no zip contains. The
installed packages stay in dist/.packages, so that an unchanged lock needs no network. Standard
library only, since build.py imports this module, too.
"""

from __future__ import annotations

import ast
import base64
import hashlib
import os
import platform as machine
import re
import shutil
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

from tools import venv
from tools.own_code import PROVIDED, REQUIREMENTS, External, OwnCode, is_standard

CACHE = ".packages"  # in dist/

# Names that a package may not have, since the zip has its own modules and folders of these names.
TAKEN = {"app", "hooked", "index", "schemas", "trestle"}

# The packages of Lambda's Python, by their names in a lock.
PINNABLE = {*PROVIDED - {"dateutil"}, "python-dateutil"}

# Metadata of the installer, and files that Python generates.
LEFT_OUT = re.compile(r"(\.\.|bin)/.*|.*\.pyc|[^/]*\.dist-info/(RECORD|INSTALLER|REQUESTED|(direct_url|uv_\w+)\.json)")

# The suffixes of a module's file: m.py, m/__init__.py, m.cpython-313-aarch64-linux-gnu.so,
# m.abi3.so.
MODULE = r"(\.py|/__init__\.py|(\.[^/]*)?\.so|(\.[^/]*)?\.pyd)"

PINNED = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)\s*(\[(?P<extras>[^]]*)\])?\s*==\s*[^\s;,*]+\s*(;(?P<marker>.*))?")
RELOCK = "run `make requirements`"

# Installers' messages for an unreachable index, and for a package without a wheel.
NO_NETWORK = re.compile(
    r"connection (broken|refused|reset|error)|connectionerror|timed out|failed to fetch|name resolution|dns error"
    r"|certificate verify|network (was|is) |(host|network) unreachable|retrying \(",
    re.I,
)
NO_WHEEL = re.compile(r"Because (\S+) has no|No matching distribution found for (\S+)")
WRONG_HASH = re.compile(r"hash mismatch|do not match the hashes", re.I)

VERSIONS = {"implementation_version", "python_full_version", "python_version"}


class PackagesError(Exception):
    """The reason why packages cannot be packed, as one sentence with the remedy."""


@dataclass(frozen=True)
class Platform:
    """A platform to install packages for. `markers`: the variables of PEP 508's environment markers."""

    name: str
    title: str
    markers: Mapping[str, str]
    uv: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Return the properties that distinguish one platform's packages from another's."""
        return " ".join((self.name, *sorted(map("=".join, self.markers.items()))))


def platform_of(name: str, runtime: str) -> Platform:
    """Return the platform `lambda`, with the Python `runtime`, or `laptop`, this machine with this Python."""
    if name == "lambda":
        markers = {
            "implementation_name": "cpython",
            "implementation_version": f"{runtime}.0",
            "os_name": "posix",
            "platform_machine": "aarch64",
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": f"{runtime}.0",
            "python_version": runtime,
            "sys_platform": "linux",
        }
        # Lambda has glibc 2.34. uv accepts wheels for older versions, too; pip needs a list of all.
        tags = [*(f"manylinux_2_{minor}_aarch64" for minor in range(28, 16, -1)), "manylinux2014_aarch64"]
        pip = [option for tag in tags for option in ("--platform", tag)]
        return Platform(
            name,
            f"Lambda (Linux on arm64, Python {runtime})",
            markers,
            ("--python-platform", "aarch64-manylinux_2_28", "--python-version", runtime),
            (*pip, "--implementation", "cp", "--python-version", runtime),
        )
    version = machine.python_version()
    markers = {
        "implementation_name": sys.implementation.name,
        "implementation_version": version,
        "os_name": os.name,
        "platform_machine": machine.machine(),
        "platform_python_implementation": machine.python_implementation(),
        "platform_release": "",
        "platform_system": machine.system(),
        "platform_version": "",
        "python_full_version": version,
        "python_version": ".".join(machine.python_version_tuple()[:2]),
        "sys_platform": sys.platform,
    }
    return Platform(name, f"this machine ({machine.system()} on {machine.machine()}, Python {version})", markers)


# --- The lock ---


@dataclass(frozen=True)
class Requirement:
    """One package of a lock. `text` is its line without the marker, for installers."""

    name: str
    extras: frozenset[str]
    marker: str
    text: str


def read_lock(content: bytes) -> tuple[list[Requirement], list[str]]:
    """Return the packages that app/requirements.txt pins, and its faults, a sentence each."""
    found: list[Requirement] = []
    faults: list[str] = []
    for number, line in _logical_lines(content.decode(errors="replace")):
        where = f"{REQUIREMENTS} line {number}"
        text, *hashes = re.split(r"\s+--hash=", line)
        match = PINNED.fullmatch(text)
        if text.startswith("-"):
            faults.append(f"{where}: {text.split()[0]} is an option. Set it in the configuration of pip or uv.")
        elif not match:
            remedy = f"Pin it with ==: write it into app/requirements.in, then {RELOCK}."
            faults.append(f"{where}: {text} is not pinned to one version. {remedy}")
        elif not hashes:
            faults.append(f"{where}: {text} has no hash. Write it into app/requirements.in, then {RELOCK}.")
        else:
            marker = (match["marker"] or "").strip()
            pin = text.partition(";")[0].strip()
            text = " ".join((pin, *(f"--hash={each.strip()}" for each in hashes)))
            found.append(Requirement(canonical(match["name"]), extras_of(match["extras"]), marker, text))
    return found, faults


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the numbered lines of a requirements file, with continuations joined and without comments."""
    joined, begun = "", 0
    for number, line in enumerate((*text.splitlines(), ""), 1):
        bare = re.sub(r"(^|\s)#.*", "", line).strip()
        begun = begun if joined else number
        joined = f"{joined} {bare.removesuffix(chr(92)).strip()}".strip()
        if joined and not bare.endswith("\\"):
            yield begun, joined
            joined = ""


def canonical(name: str) -> str:
    """Return a package's name, normalized as in PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def extras_of(text: str | None) -> frozenset[str]:
    """Return the names in the brackets of a requirement."""
    return frozenset(canonical(each.strip()) for each in (text or "").split(",") if each.strip())


def marker_applies(marker: str, variables: Mapping[str, str], extras: Collection[str] = ()) -> bool:
    """Return whether an environment marker is true, with one of the extras or without. An unknown marker is true."""
    try:
        tree = ast.parse(marker.strip() or "1 == 1", mode="eval").body
        return any(_holds(tree, {**variables, "extra": extra}) for extra in ("", *extras))
    except (KeyError, SyntaxError, ValueError):
        return True


def _holds(node: ast.expr, variables: Mapping[str, str]) -> bool:
    match node:
        case ast.BoolOp(op=op, values=parts):
            return (all if isinstance(op, ast.And) else any)([_holds(part, variables) for part in parts])
        case ast.Compare(left=first, ops=[op], comparators=[second]):
            names = {e.id for e in (first, second) if isinstance(e, ast.Name)}
            left, right = (
                variables[e.id] if isinstance(e, ast.Name) else str(ast.literal_eval(e)) for e in (first, second)
            )
            if isinstance(op, ast.In | ast.NotIn):
                return (left in right) is isinstance(op, ast.In)
            if names & VERSIONS:
                return _compare(op, *_versions(left, right))
            return _compare(op, *(map(canonical, (left, right)) if "extra" in names else (left, right)))
    raise ValueError(ast.unparse(node))


def _versions(left: str, right: str) -> tuple[list[int], list[int]]:
    """Return two versions as lists of equal length: cut at a wildcard, or padded with zeros."""
    sides = [[int(part) for part in re.findall(r"\d+", re.split(r"[^\d.]", side)[0])] for side in (left, right)]
    length = (min if "*" in left + right else max)(map(len, sides))
    first, second = ((side + [0] * length)[:length] for side in sides)
    return first, second


def _compare(op: ast.cmpop, left: Any, right: Any) -> bool:
    return bool(
        {
            ast.Eq: left == right,
            ast.NotEq: left != right,
            ast.Lt: left < right,
            ast.LtE: left <= right,
            ast.Gt: left > right,
            ast.GtE: left >= right,
        }[type(op)]
    )


# --- What is installed ---


class Packages:
    """The packages of a lock for a platform, in a folder of a project's dist/.

    source: the lock's file. prefix: the beginning of the folder's name, one for each lock and
    platform.
    """

    def __init__(
        self, dist: Path, lock: Sequence[Requirement], platform: Platform, source: str = REQUIREMENTS, prefix: str = ""
    ) -> None:
        self.platform = platform
        self.source = source
        self.prefix = prefix or platform.name
        self.lines = "".join(f"{each.text}\n" for each in lock)
        self.digest = hashlib.sha256(f"{platform.key}\n{self.lines}".encode()).hexdigest()
        self.folder = dist / CACHE / f"{self.prefix}-{self.digest[:16]}"
        self._extras = {each.name: each.extras for each in lock}
        self._found = {canonical(each.name): each for each in metadata.distributions(path=[str(self.folder)])}
        self._files = {
            name: sorted(file for file in map(str, each.files or ()) if not LEFT_OUT.fullmatch(file))
            for name, each in self._found.items()
        }

    def is_whole(self) -> bool:
        """Return whether every file is unchanged since its installation from the wheel."""
        for each in self._found.values():
            for file in each.files or ():
                if file.hash and not LEFT_OUT.fullmatch(str(file)):
                    try:
                        digest = hashlib.new(file.hash.mode, (self.folder / file).read_bytes()).digest()
                    except OSError:
                        return False
                    if base64.urlsafe_b64encode(digest).decode().rstrip("=") != file.hash.value:
                        return False
        return self._extras.keys() <= self._found.keys()

    @property
    def is_pure(self) -> bool:
        """Return whether all wheels are for any platform."""
        tags = [
            line.partition(":")[2]
            for each in self._found.values()
            for line in (each.read_text("WHEEL") or "Tag: unknown").splitlines()
            if line.startswith("Tag:")
        ]
        return all(tag.strip().endswith("-none-any") for tag in tags)

    def equals(self, other: Packages) -> bool:
        """Return whether these packages put the same files into every zip as the others."""
        return self._files == other._files and all(
            self.needed_by([name]) == other.needed_by([name]) and self.files([name]) == other.files([name])
            for name in self._files
        )

    def faults(self) -> list[str]:
        """Return the modules that packages would replace, a sentence each."""
        return [
            f"{REQUIREMENTS}: {self._found[name].name} has {taken}, which would replace Trestle's or your own. "
            f"Remove that package from app/requirements.in, then {RELOCK}."
            for name, files in sorted(self._files.items())
            for taken in sorted({file.split("/")[0].removesuffix(".py") for file in files} & TAKEN)
        ]

    @property
    def names(self) -> list[str]:
        """Return the names of all packages of the lock."""
        return sorted(self._extras)

    @cached_property
    def paths(self) -> frozenset[str]:
        """Return the paths of all files that may be in a zip."""
        return frozenset(file for files in self._files.values() for file in files)

    def providing(self, external: External) -> set[str]:
        """Return the packages with an import's module; none if no package has it."""
        parts = external.module.split(".")
        for end in range(1, len(parts) + 1):
            # Several packages may share a folder without __init__.py: then compare what is below
            # it.
            if found := self._with(re.escape("/".join(parts[:end])) + MODULE):
                return found
        place = re.escape("/".join(parts))
        below = [self._with(f"{place}/{re.escape(name)}{MODULE}") for name in external.names]
        return set().union(*below) or self._with(f"{place}/.*")

    def _with(self, pattern: str) -> set[str]:
        is_it = re.compile(pattern).fullmatch
        return {name for name, files in self._files.items() if any(map(is_it, files))}

    def needed_by(self, names: Iterable[str]) -> list[str]:
        """Return packages and all their dependencies, in alphabetical order."""
        waiting = [(name, self._extras.get(name, frozenset())) for name in names]
        seen: set[tuple[str, frozenset[str]]] = set()
        while waiting:
            name, extras = each = waiting.pop()
            if each in seen or name not in self._found:
                continue
            seen.add(each)
            for text in self._found[name].requires or ():
                requirement, _, marker = text.partition(";")
                match = re.match(r"\s*([\w.-]+)\s*(?:\[([^]]*)\])?", requirement)
                if match and marker_applies(marker, self.platform.markers, extras):
                    other = canonical(match[1])
                    waiting.append((other, extras_of(match[2]) | self._extras.get(other, frozenset())))
        return sorted({name for name, _ in seen})

    def files(self, names: Iterable[str]) -> dict[str, bytes]:
        """Return the files of these packages and of their dependencies for a zip: path -> content."""
        return {file: (self.folder / file).read_bytes() for name in self.needed_by(names) for file in self._files[name]}


def install(app: OwnCode, platform: Platform, dist: Path) -> Packages | None:
    """Return the packages of app/requirements.txt, from dist/ or installed there; None if app/ imports none.

    Raise PackagesError if the lock has faults or cannot be installed.
    """
    requirements, faults = read_lock(app.lock or b"")
    if faults:
        raise PackagesError("\n".join(faults))
    lock = [each for each in requirements if marker_applies(each.marker, platform.markers)]
    imports = [each for found in app.externals.values() for each in found if not is_standard(each)]
    # Without a pin, Lambda's own boto3 and the like are used.
    others = set() if PINNABLE.intersection(each.name for each in lock) else PROVIDED
    if not lock or {each.module.partition(".")[0] for each in imports} <= others:
        return None
    packages = _install_lock(dist, lock, platform)
    if faults := packages.faults():
        raise PackagesError("\n".join(faults))
    return packages


def install_libraries(content: bytes, platform: Platform, dist: Path, source: str) -> Packages:
    """Return the packages of one of Trestle's own locks, from dist/ or installed there.

    source: the lock's path, whose stem must not be a platform's name. Raise PackagesError.
    """
    lock = [each for each in read_lock(content)[0] if marker_applies(each.marker, platform.markers)]
    return _install_lock(dist, lock, platform, source, Path(source).stem)


def install_here(app: OwnCode, runtime: str, dist: Path) -> Packages | None:
    """Return the packages for this machine, or those for Lambda with the Python `runtime` if they are equal.

    Raise as `install`.
    """
    here = install(app, platform_of("laptop", runtime), dist)
    if here is None or not here.is_pure:
        return here
    try:
        there = install(app, platform_of("lambda", runtime), dist)
    except PackagesError:  # a build for Lambda reports it
        return here
    return there if there and there.equals(here) else here


def _install_lock(
    dist: Path, lock: Sequence[Requirement], platform: Platform, source: str = REQUIREMENTS, prefix: str = ""
) -> Packages:
    """Return the packages of a lock; install them if dist/ has no complete copy. Raise PackagesError."""
    packages = Packages(dist, lock, platform, source, prefix)
    if not packages.is_whole():
        _install(packages)
        packages = Packages(dist, lock, platform, source, prefix)
    return packages


def _install(packages: Packages) -> None:
    """Fill the folder of packages atomically, and delete the folders of earlier locks."""
    folder = packages.folder
    partial = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        partial.mkdir(parents=True)
        _run_installer(packages, partial)
        for old in folder.parent.glob(f"{packages.prefix}-*"):
            shutil.rmtree(old, ignore_errors=True)
        partial.replace(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _run_installer(packages: Packages, folder: Path) -> None:
    """Install the lines of a lock into a folder. Raise PackagesError with the reason if that fails."""
    platform = packages.platform
    file = folder / "requirements.txt"
    file.write_text(packages.lines, encoding="utf-8")
    python = Path(sys.executable)
    settings = venv.pip_settings(python)
    fixed = ["install", "--no-deps", "--require-hashes", "--only-binary=:all:", f"--target={folder}"]
    uv = venv.usable_uv("uv") or venv.usable_uv(venv.python_of(venv.folder_of("local")).with_name("uv"))
    try:
        if uv:
            found = {"UV_FIND_LINKS": ",".join(settings["find-links"].split())} if "find-links" in settings else {}
            options = ["--index-strategy=unsafe-best-match", "--no-config", "--link-mode=copy", f"--python={python}"]
            variables = {**found, **venv.uv_environment(settings)}
            venv.run([uv, "pip", *fixed, *options, *platform.uv, f"--requirements={file}"], variables)
        else:
            options = ["--no-input", "--no-compile", "--ignore-installed", *platform.pip, f"--requirement={file}"]
            pip = find_pip(python, packages.source)
            venv.run([*pip, *fixed, *options], venv.pip_environment(settings))
    except venv.InstallError as error:
        raise PackagesError(_reason(str(error), platform, packages.source)) from None
    finally:
        file.unlink()


def find_pip(python: Path, source: str = REQUIREMENTS) -> list[str]:
    """Return the command of this Python's pip. Raise PackagesError if there is none."""
    try:
        return venv.find_pip(python, repair=False)
    except venv.InstallError:
        raise PackagesError(f"The packages of {source} need an installer: install uv, or run `make setup`.") from None


def _reason(output: str, platform: Platform, source: str) -> str:
    """Return why an installation failed, from the installer's output."""
    begun = f"The packages of {source} could not be installed"
    relock = RELOCK if source == REQUIREMENTS else "run `make locks`"
    last = output.strip().splitlines()[-1].strip()
    if WRONG_HASH.search(output):
        return f"{begun}: the index has files with other hashes than the lock. If you trust the index, {relock}."
    if NO_NETWORK.search(output):
        return f"{begun}, and dist/ has no copy of them. Check the connection to the package index ({last})."
    if missing := NO_WHEEL.search(output):
        return (
            f"{source}: {missing[1] or missing[2]} has no wheel for {platform.title} with a hash of the lock. "
            f"Choose another version or package in {source.removesuffix('txt')}in, then {relock}."
        )
    return f"{begun}: {last}"
