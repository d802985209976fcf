#!/usr/bin/env python3
"""Pack the Lambda functions: one reproducible zip for each folder of lambda_src/ that has an index.py.

`python build.py` writes dist/<function>.zip and dist/manifest.json, which Terraform reads. A zip holds the
function's own modules, the modules of lambda_src/ that they import, bytecode for Lambda's Python beside each
module, and the schemas if the function imports trestle.schema. A module of app/ with hooks gets further zips,
dist/<function>.<module>.zip, which also hold this module and its imports. The build fails if a schema is outside
the subset of docs/reference/schemas.md, or if code in app/ would fail to import or run in Lambda.

dist/authorizer.zip also holds the libraries of requirements/authorizer.txt if a var-file or Terraform file of the
project sets `jwt`, or with --authorizer. The first build installs them from the package index. In the local run, the
authorizer uses the libraries of .venv.

The same sources and options give the same bytes on every machine with Lambda's Python: nothing in a zip depends on
the folder, the user, the umask, the clock or the Python that runs this file. Without Lambda's Python, zips have no
bytecode. This file needs only the standard library.
"""

from __future__ import annotations

import argparse
import ast
import base64
import hashlib
import importlib.util
import io
import json
import marshal
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tools.packages import Packages

ROOT = Path(__file__).resolve().parent

RUNTIME: str = json.loads((ROOT / "contract" / "platform.json").read_text(encoding="utf-8"))["runtime"]
CACHE_TAG = f"cpython-{RUNTIME.replace('.', '')}"
WRONG_PYTHON = 3  # exit code of the compiling process if its Python's version differs from Lambda's

# Lambda's folder for the files of a zip, as tracebacks show it.
TASK_FOLDER = "/var/task"

# The function whose zips run functions of app/, and the entry file of an operation with hooks of app/.
OWN = "app"
HOOKED = "hooked.py"

# The function that verifies an issuer's tokens, the lock file of its libraries, and the packages that it imports.
AUTHORIZER = "authorizer"
AUTHORIZER_LOCK = "requirements/authorizer.txt"
LIBRARIES = {"jwt"}
# The files in which a project may set the variable jwt, in HCL or JSON.
VAR_FILES = ("*.tf", "*.tfvars", "*.tfvars.json", "environments/*.tfvars", "environments/*.tfvars.json")
SETS_JWT = re.compile(r'^\s*jwt\s*=\s*\{|"jwt"\s*:\s*\{', re.M)

# Each zip entry has a timestamp. The earliest one that the format allows makes zips reproducible.
EPOCH = (1980, 1, 1, 0, 0, 0)
READABLE_FILE = 0o100644 << 16  # a regular file with the mode rw-r--r--, in external_attr
UNIX = 3  # create_system

# Lambda's limit for a directly uploaded zip, in bytes. The limit for unzipped files is five times as high. Our zips are
# not compressed, so a zip within the first limit is also within the second.
LARGEST_ZIP = 50 * 2**20

MANIFEST = "manifest.json"
PARTIAL = ".partial"

Module = tuple[str, bytes]  # path in the zip, source


class BuildError(Exception):
    """A build failed. The message tells the user why, and what to do."""


# --- Sources ---


class Sources:
    """Trestle's lambda_src/ and a project's schemas/ and app/, read once.

    `modules` maps paths such as lambda_src/get/index.py and app/bookings.py to bytes, and `schemas` maps file names to
    bytes. `functions` are the folders of lambda_src/ that hold an index.py.
    """

    def __init__(
        self, root: Path, project: Path | None = None, platform: str = "lambda", authorizer: bool = False
    ) -> None:
        """Read the files. authorizer: whether to pack the libraries that the authorizer needs in Lambda."""
        # Imported here because the compiling process is isolated, so that it cannot import Trestle's other files.
        from tools import own_code  # noqa: PLC0415 - as above
        from tools.sources import sources  # noqa: PLC0415 - as above

        found = sources(root / "lambda_src", "**/*.py")
        self.modules = {path.relative_to(root).as_posix(): path.read_bytes() for path in found}
        self.schemas = {path.name: path.read_bytes() for path in sources((project or root) / "schemas", "*.json")}
        self.functions = [path.split("/")[1] for path in self.modules if re.fullmatch("[^/]+/[^/]+/index.py", path)]
        if not self.functions:
            raise BuildError("lambda_src/ has no function: add a folder with an index.py.")
        self.shapes = {name: self._shapes(name, content) for name, content in self.schemas.items()}
        self._trees: dict[str, ast.Module] = {}
        self._import_nodes: dict[str, list[ast.Import | ast.ImportFrom]] = {}
        self._names: dict[str, set[str]] = {}
        public = own_code.PUBLIC_PATH
        names = own_code.public_names(self._tree(public)) if public in self.modules else set()
        self.app = own_code.OwnCode(project or root, names)
        self.modules |= self.app.files
        if self.app.faults:
            raise BuildError("\n".join(self.app.faults))
        self.packages = self._packages((project or root) / "dist", platform)
        self._locks = {path: read for path in (AUTHORIZER_LOCK,) if (read := _content(root / path)) is not None}
        self.libraries = self._libraries((project or root) / "dist") if authorizer else None
        if faults := self._import_faults():
            raise BuildError("\n".join(faults))

    @staticmethod
    def _shapes(name: str, content: bytes) -> dict[str, str]:
        """Return the derived schemas ("shapes", see tools/shapes.py) of a schema, for Terraform.

        Raise BuildError for a schema outside the subset.
        """
        from tools import schemas, shapes  # noqa: PLC0415 - as in Sources

        faults = [f"schemas/{name}#{where}: {fault}." for where, fault in schemas.faults(content)]
        if faults:
            raise BuildError("\n".join(faults))
        return shapes.texts(content)

    def _packages(self, dist: Path, platform: str) -> Packages | None:
        """Return the packages that app/ may import, installed for the platform; None if it imports none."""
        if self.app.lock is None:
            return None
        from tools.packages import PackagesError, install, install_here, platform_of  # noqa: PLC0415 - as in Sources

        try:
            if platform == "laptop":
                return install_here(self.app, RUNTIME, dist)
            return install(self.app, platform_of(platform, RUNTIME), dist)
        except PackagesError as error:
            raise BuildError(str(error)) from None

    def _libraries(self, dist: Path) -> Packages:
        """Return the libraries of the authorizer, installed for Lambda."""
        from tools.packages import PackagesError, install_libraries, platform_of  # noqa: PLC0415 - as in Sources

        try:
            return install_libraries(
                self._locks[AUTHORIZER_LOCK], platform_of("lambda", RUNTIME), dist, AUTHORIZER_LOCK
            )
        except PackagesError as error:
            raise BuildError(str(error)) from None

    @property
    def installed(self) -> list[Packages]:
        """The installed packages: those of app/, and those of the authorizer."""
        return [each for each in (self.packages, self.libraries) if each]

    def _import_faults(self) -> list[str]:
        """Return a message for each import in app/ that would fail in Lambda."""
        from tools.own_code import import_fault  # noqa: PLC0415 - as in Sources

        imports = [each for externals in self.app.externals.values() for each in externals]
        return [
            fault
            for each in imports
            if not (self.packages and self.packages.providing(each)) and (fault := import_fault(each, self.app))
        ]

    def inputs(self) -> dict[str, str]:
        """Return the SHA-256 (hex) of each input file by path. Terraform compares them, to find a stale build."""
        files = self.modules | self.app.inputs() | self._locks
        files |= {f"schemas/{name}": content for name, content in self.schemas.items()}
        return {path: sha256(content) for path, content in files.items()}

    def manifest_parts(self) -> dict[str, Any]:
        """Return the manifest's entries for own code and schemas."""
        return {
            "app": self.app.manifest(),
            "schemas": {
                f"schemas/{name}": {"sha256": sha256(content), **self.shapes[name]}
                for name, content in self.schemas.items()
            },
        }

    def digest(self) -> str:
        """Return a SHA-256 (hex) of everything that a build depends on, including this file."""
        read = {f"shapes/{name}": texts for name, texts in self.shapes.items()} | {"app": self.app.manifest()}
        others = {"build.py": sha256(Path(__file__).read_bytes()), "runtime": RUNTIME}
        if self.packages:
            others["packages"] = self.packages.digest
        if self.libraries:
            others["libraries"] = self.libraries.digest
        inputs = {
            **self.inputs(),
            **{name: sha256(json.dumps(value).encode()) for name, value in read.items()},
            **others,
        }
        lines = "".join(f"{digest} {path}\n" for path, digest in sorted(inputs.items()))
        return sha256(lines.encode())

    def zips(self) -> dict[str, dict[str, bytes]]:
        """Return the files of each zip, without bytecode, by the zip's name: path in the zip -> content.

        `get` is the function of lambda_src/get. `get.bookings` also runs the hooks of app/bookings.py, and
        `app.bookings` runs the functions of this module.
        """
        plain = [function for function in self.functions if function != OWN]
        found = {function: self.files(function, "index.py") for function in plain}
        for module in self.app.named_modules():
            for function in plain:
                own = self.app.packed_with(module, function)
                if own and f"lambda_src/{function}/{HOOKED}" in self.modules:
                    found[f"{function}.{module}"] = self.files(function, HOOKED, own)
            own = self.app.handled_by(module)
            if own and OWN in self.functions:
                found[f"{OWN}.{module}"] = self.files(OWN, "index.py", own)
        return dict(sorted(found.items()))

    def files(self, function: str, entry: str, own: Iterable[str] = ()) -> dict[str, bytes]:
        """Return the files of a function's zip by path. entry: the module with the handler. own: modules of app/."""
        first = f"lambda_src/{function}/{entry}"
        found: dict[str, str] = {}  # path in the zip -> path in the repository or project
        waiting = [first, *own]
        while waiting:
            path = waiting.pop()
            name = path.removeprefix("lambda_src/").removeprefix(f"{function}/") if path not in self.app.files else path
            if name not in found:
                found[name] = path
                waiting += (
                    self.app.imported_paths(path) if path in self.app.files else self._imported_modules(function, path)
                )
        if "lambda_handler" not in self._bound_names(first):
            raise BuildError(f"{first} defines no lambda_handler.")
        files = {name: self.modules[path] for name, path in found.items()}
        if any(name.startswith("trestle/schema/") for name in found):
            files |= {f"schemas/{name}": content for name, content in self.schemas.items()}
        if self.packages:
            imports = [each for path in found if path in self.app.files for each in self.app.externals[path]]
            files |= self.packages.files(set().union(*map(self.packages.providing, imports)))
        if self.libraries and function == AUTHORIZER:
            files |= self.libraries.files(self.libraries.names)
        return dict(sorted(files.items()))

    def _tree(self, path: str) -> ast.Module:
        if path not in self._trees:
            try:
                self._trees[path] = ast.parse(self.modules[path])
            except (SyntaxError, ValueError) as error:
                line = f" line {error.lineno}" if isinstance(error, SyntaxError) else ""
                reason = error.msg if isinstance(error, SyntaxError) else error
                raise BuildError(f"{path}{line} is not valid Python: {reason}.") from None
        return self._trees[path]

    def _imports(self, path: str) -> list[ast.Import | ast.ImportFrom]:
        """Return the import statements of a module, from a cache, because many zips share modules."""
        if path not in self._import_nodes:
            from tools.imports import imports  # noqa: PLC0415 - as in Sources

            self._import_nodes[path] = list(imports(self._tree(path)))
        return self._import_nodes[path]

    def _bound_names(self, path: str) -> set[str]:
        """Return the names that can be imported from a module."""
        if path not in self._names:
            from tools.imports import bound_names  # noqa: PLC0415 - as in Sources

            self._names[path] = bound_names(self._tree(path))
        return self._names[path]

    def _imported_modules(self, function: str, path: str) -> Iterator[str]:
        """Yield the modules of lambda_src/ that the module at `path` imports, at its top or inside functions."""
        for node in self._imports(path):
            where = f"{path} line {node.lineno}"
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield from self._module(function, alias.name, where)
                continue
            if node.level:
                raise BuildError(f"{where} has a relative import: write the absolute name, such as trestle.store.")
            module = node.module or ""
            modules = self._module(function, module, where)
            yield from modules
            for alias in node.names:
                inner = self._path(function, f"{module}.{alias.name}")
                if inner:
                    yield inner
                elif modules and alias.name not in {"*"} | self._bound_names(modules[-1]):
                    raise BuildError(f"{where} imports {alias.name} from {module}, which does not define it.")

    def _module(self, function: str, module: str, where: str) -> list[str]:
        """Return the paths of a module and its parent packages; an empty list if Lambda provides the module."""
        from tools.own_code import PROVIDED  # noqa: PLC0415 - as in Sources

        names = module.split(".")
        paths = [self._path(function, ".".join(names[: end + 1])) for end in range(len(names))]
        found = [path for path in paths if path]
        if len(found) == len(names):
            return found
        others = PROVIDED | LIBRARIES if function == AUTHORIZER else PROVIDED
        if not found and (names[0] in sys.stdlib_module_names or names[0] in others):
            return []
        raise BuildError(f"{where} imports {module}, which is neither in lambda_src/ nor in Lambda's Python.")

    def _path(self, function: str, module: str) -> str | None:
        """Return a module's path, in the function's own folder or shared; None if there is no such module."""
        inside = module.replace(".", "/")
        shared = [] if inside.partition("/")[0] in self.functions else [inside]
        for path in (f"{function}/{inside}", *shared):
            for candidate in (f"lambda_src/{path}.py", f"lambda_src/{path}/__init__.py"):
                if candidate in self.modules:
                    return candidate
        return None


# --- Bytecode ---


def python_commands() -> Iterator[list[str]]:
    """Yield commands that may start Lambda's Python, the likeliest first."""
    if sys.implementation.cache_tag == CACHE_TAG:
        yield [sys.executable]
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - Path.home() fails for a user without one
    folders = {
        Path(os.environ.get("PYENV_ROOT", home / ".pyenv")) / "versions": f"{RUNTIME}*",
        Path(os.environ.get("UV_PYTHON_INSTALL_DIR", home / ".local/share/uv/python")): f"cpython-{RUNTIME}*",
        home / ".local/share/mise/installs/python": f"{RUNTIME}*",
        home / ".asdf/installs/python": f"{RUNTIME}*",
        Path("/opt/homebrew/opt"): f"python@{RUNTIME}",
        Path("/usr/local/opt"): f"python@{RUNTIME}",
    }
    # pyenv's shim of this name works only in projects that select the version, so pyenv's folder is searched as well.
    named = shutil.which(f"python{RUNTIME}")
    if named:
        yield [named]
    for folder, pattern in folders.items():
        # glob() fails in a folder that this user cannot read, such as another user's PYENV_ROOT.
        if os.access(folder, os.R_OK | os.X_OK):
            for found in sorted(folder.glob(f"{pattern}/bin/python{RUNTIME}"), reverse=True):
                yield [str(found)]
    launcher = shutil.which("py")
    if launcher:
        yield [launcher, f"-{RUNTIME}"]


def byte_code(modules: list[Module]) -> list[bytes | str] | None:
    """Return the bytecode of each module, compiled by Lambda's version of Python; None if it is not installed.

    For a module that does not compile, the result is an error message. A separate process compiles, because another
    version of Python may run this file.
    """
    request = json.dumps([[path, base64.b64encode(source).decode()] for path, source in modules])
    for python in python_commands():
        command = [*python, "-I", "-S", "-B", __file__, "--compile"]
        try:
            response = subprocess.run(command, input=request, capture_output=True, text=True, check=False)
        except OSError:
            continue
        if response.returncode == 0:
            return [each.get("fault") or base64.b64decode(each["code"]) for each in json.loads(response.stdout)]
    return None


def compile_modules(request: str) -> str:
    """Compile the modules in the JSON that `byte_code` sends to this process. Return JSON."""
    response = []
    for path, source in json.loads(request):
        try:
            response.append({"code": base64.b64encode(pyc(path, base64.b64decode(source))).decode()})
        except (SyntaxError, ValueError) as error:
            line = f" line {error.lineno}" if isinstance(error, SyntaxError) else ""
            response.append({"fault": f"{path}{line} is not valid Python {RUNTIME}: {error.args[0]}."})
    return json.dumps(response)


def pyc(path: str, source: bytes) -> bytes:
    """Return a .pyc file that Python loads without a check of the source (PEP 552, unchecked hash).

    Version 2 of the marshal format has no references between objects. In newer versions, the references depend on the
    objects' reference counts in this process, which differ from run to run.
    """
    code = compile(source, f"{TASK_FOLDER}/{path}", "exec", dont_inherit=True, optimize=0)
    unchecked_hash = (1).to_bytes(4, "little")
    header = importlib.util.MAGIC_NUMBER + unchecked_hash + importlib.util.source_hash(source)
    return header + marshal.dumps(code, 2)


def cached_name(path: str) -> str:
    """Return the path at which Python looks for the bytecode of the module at `path`."""
    folder, slash, name = path.rpartition("/")
    return f"{folder}{slash}__pycache__/{name.removesuffix('.py')}.{CACHE_TAG}.pyc"


# --- Zips and manifest ---


def sha256(content: bytes) -> str:
    """Return the SHA-256 of `content` in hex."""
    return hashlib.sha256(content).hexdigest()


def digests(content: bytes) -> dict[str, Any]:
    """Return the manifest's digests of a zip."""
    return {
        "sha256": sha256(content),
        "size": len(content),
        "source_code_hash": base64.b64encode(hashlib.sha256(content).digest()).decode(),
    }


def pack(files: dict[str, bytes]) -> bytes:
    """Return a zip of `files`. It is not compressed, since zlib's output differs between its versions."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system = UNIX
            entry.external_attr = READABLE_FILE
            archive.writestr(entry, files[name])
    return buffer.getvalue()


def build_files(sources: Sources, bytecode: str) -> dict[str, bytes]:
    """Return the files of dist/ by name: the zips and the manifest. `bytecode` is auto, require or none."""
    files = sources.zips()
    modules = sorted({item for each in files.values() for item in each.items() if item[0].endswith(".py")})
    compiled = byte_code(modules) if bytecode != "none" else None
    if compiled is None and bytecode == "require":
        raise BuildError(f"There is no Python {RUNTIME} for the bytecode: install it, for example with uv or pyenv.")
    codes = dict(zip(modules, compiled or [], strict=False))
    # A package may contain .py files that are not valid Python, such as templates. Own code must not.
    foreign = {path for each in sources.installed for path in each.paths}
    if faults := [code for (path, _), code in codes.items() if isinstance(code, str) and path not in foreign]:
        raise BuildError("\n".join(faults))
    zips = {
        function: pack(
            each
            | {
                cached_name(path): code
                for path, source in each.items()
                if isinstance(code := codes.get((path, source)), bytes)
            }
        )
        for function, each in files.items()
    }
    for function, content in zips.items():
        if len(content) > LARGEST_ZIP:
            raise BuildError(_too_large(function, len(content), files[function]))
    manifest = {
        **sources.manifest_parts(),
        "authorizer": sources.libraries.platform.name if sources.libraries else None,
        "bytecode": None if compiled is None else RUNTIME,
        "functions": {
            function: {
                "file": f"{function}.zip",
                **digests(content),
            }
            for function, content in zips.items()
        },
        "inputs": sources.inputs(),
        "platform": sources.packages.platform.name if sources.packages else None,
        "runtime": f"python{RUNTIME}",
        "sources": sources.digest(),
    }
    named = {f"{function}.zip": content for function, content in zips.items()}
    return named | {MANIFEST: (json.dumps(manifest, indent=2, sort_keys=True) + "\n").encode()}


def _too_large(function: str, size: int, files: dict[str, bytes]) -> str:
    """Return the message for a zip that is too large for Lambda."""
    sizes: dict[str, int] = {}
    for name, content in files.items():
        sizes[name.partition("/")[0]] = sizes.get(name.partition("/")[0], 0) + len(content)
    largest = sorted(sizes, key=lambda name: -sizes[name])[:3]
    parts = ", ".join(f"{name} ({sizes[name] / 2**20:.0f} MB)" for name in largest)
    limit = LARGEST_ZIP // 2**20
    return (
        f"dist/{function}.zip would be {size / 2**20:.0f} MB, and Lambda's limit is {limit} MB. Import smaller "
        f"packages; the largest are {parts}."
    )


def _read_manifest(dist: Path) -> dict[str, Any]:
    from tools.dist import read_manifest  # noqa: PLC0415 - as in Sources

    return read_manifest(dist)


def is_current(dist: Path, manifest: dict[str, Any], sources: Sources, bytecode: str) -> bool:
    """Return whether dist/ is up to date: complete, and built from these sources."""
    has_code = manifest.get("bytecode") == RUNTIME
    platform = sources.packages.platform.name if sources.packages else None
    if (
        manifest.get("platform") != platform
        or manifest.get("authorizer") != (sources.libraries.platform.name if sources.libraries else None)
        or manifest.get("sources") != sources.digest()
        or has_code != (bytecode != "none")
    ):
        return False
    try:
        zips = {entry["file"]: entry["sha256"] for entry in manifest["functions"].values()}
        return zips == {path.name: sha256(path.read_bytes()) for path in dist.glob("*.zip")}
    except (AttributeError, KeyError, TypeError):
        return False


def write(dist: Path, files: dict[str, bytes]) -> None:
    """Write `files` to dist/, each one completely or not at all, and delete the zips of removed functions.

    The manifest is deleted first and written last, so an interrupted build leaves no manifest, and the plan fails with
    a message.
    """
    dist.mkdir(exist_ok=True)
    (dist / MANIFEST).unlink(missing_ok=True)
    for old in [*dist.glob("*.zip"), *dist.glob(f".*{PARTIAL}")]:
        if old.name not in files:
            old.unlink(missing_ok=True)
    for name, content in sorted(files.items(), key=lambda item: item[0] == MANIFEST):
        partial = dist / f".{name}.{os.getpid()}{PARTIAL}"
        try:
            partial.write_bytes(content)
            partial.replace(dist / name)
        finally:
            partial.unlink(missing_ok=True)


def sets_jwt(project: Path) -> bool:
    """Return whether the text of a var-file or Terraform file of the project sets `jwt`."""
    files = sorted(file for pattern in VAR_FILES for file in project.glob(pattern) if file.is_file())
    return any(SETS_JWT.search(file.read_text(encoding="utf-8", errors="replace")) for file in files)


def _content(path: Path) -> bytes | None:
    """Return a file's content, or None if there is no such file."""
    return path.read_bytes() if path.is_file() else None


def build(root: Path, project: Path, bytecode: str, platform: str, authorizer: bool) -> None:
    """Update the project's dist/, and print its zips."""
    dist = project / "dist"
    sources = Sources(root, project, platform, platform == "lambda" and (authorizer or sets_jwt(project)))
    manifest = _read_manifest(dist)
    if is_current(dist, manifest, sources, bytecode):
        print(f"dist/ is up to date: {', '.join(manifest['functions'])}.")
        return
    files = build_files(sources, bytecode)
    manifest = json.loads(files[MANIFEST])
    if manifest["bytecode"] is None and bytecode == "auto":
        print(
            f"There is no Python {RUNTIME} on this machine: the zips have no bytecode and start more slowly.",
            file=sys.stderr,
        )
    write(dist, files)
    for entry in manifest["functions"].values():
        print(f"dist/{entry['file']}  {entry['size']:>7} bytes  sha256 {entry['sha256']}")


def check(root: Path, project: Path) -> None:
    """Rebuild in memory with the same options, and raise BuildError if dist/ differs."""
    dist = project / "dist"
    manifest = _read_manifest(dist)
    if not manifest:
        raise BuildError("dist/ contains no build: run `python build.py`.")
    sources = Sources(root, project, manifest.get("platform") or "lambda", manifest.get("authorizer") == "lambda")
    expected = build_files(sources, "none" if manifest.get("bytecode") is None else "require")
    present = {path.name: path.read_bytes() for path in [*dist.glob("*.zip"), dist / MANIFEST]}
    different = sorted(name for name in expected | present if expected.get(name) != present.get(name))
    if different:
        raise BuildError(f"dist/ differs from a build of its sources ({', '.join(different)}): run `python build.py`.")


SIGNATURE = "META-INF/"  # the folder that AWS Signer adds


def contents(package: Path) -> dict[str, bytes]:
    """Return the files of a zip by path."""
    with zipfile.ZipFile(package) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def adopt_signed(project: Path, folder: Path) -> None:
    """Replace the built zips with the signed ones of a folder, and write their digests to the manifest.

    Later builds keep the signed zips until the sources change. Raise BuildError if a zip has no signature, or differs
    from the built zip in more than the signature.
    """
    dist = project / "dist"
    manifest = _read_manifest(dist)
    if not manifest:
        raise BuildError("dist/ contains no build: run `python build.py` first, then sign its zips.")
    signed: dict[str, bytes] = {}
    for entry in manifest["functions"].values():
        package = folder / entry["file"]
        try:
            found, built = contents(package), contents(dist / entry["file"])
        except (OSError, zipfile.BadZipFile):
            raise BuildError(f"{package} is missing or not a zip: sign each zip of dist/, and keep its name.") from None
        if not any(name.startswith(SIGNATURE) for name in found):
            raise BuildError(f"{package} has no signature: use the zip that the signing job wrote.")
        if any(found.get(name) != built.get(name) for name in found | built if not name.startswith(SIGNATURE)):
            raise BuildError(f"{package} differs from the built zip: sign dist/{entry['file']} again.")
        content = signed[entry["file"]] = package.read_bytes()
        entry.update(digests(content))
    signed[MANIFEST] = (json.dumps(manifest, indent=2, sort_keys=True) + "\n").encode()
    write(dist, signed)
    print(f"Replaced the zips in dist/ with signed ones: {', '.join(manifest['functions'])}.")


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Parse the command line and run the command. Return the exit code."""
    parser = argparse.ArgumentParser(description="Pack the Lambda functions into dist/.")
    parser.add_argument("--check", action="store_true", help="only check: fail if dist/ is not up to date")
    parser.add_argument(
        "--authorizer",
        action="store_true",
        help="pack the libraries that `jwt` needs in Lambda, even if no file of the project sets jwt = { ... }",
    )
    parser.add_argument(
        "--bytecode",
        choices=("auto", "require", "none"),
        default="auto",
        help=f"compile with Python {RUNTIME} if it is installed (auto, the default); fail if it is not installed "
        "(require); or do not compile (none)",
    )
    parser.add_argument(
        "--platform",
        choices=("lambda", "laptop"),
        default="lambda",
        help="install the packages of app/requirements.txt for Lambda (the default) or for this machine",
    )
    parser.add_argument(
        "--project",
        type=Path,
        metavar="DIR",
        help="the folder with your schemas/ and app/, in which dist/ is written (default: Trestle's own)",
    )
    parser.add_argument(
        "--signed",
        type=Path,
        metavar="DIR",
        help="replace the zips in dist/ with those in this folder, which AWS Signer has signed",
    )
    parser.add_argument("--compile", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.compile:
        if sys.implementation.cache_tag != CACHE_TAG:
            return WRONG_PYTHON
        sys.stdout.write(compile_modules(sys.stdin.read()))
        return 0
    sys.path[:0] = {str(ROOT)} - set(sys.path)  # with PYTHONSAFEPATH, Python does not add it
    from tools.errors import user_errors  # noqa: PLC0415 - as in Sources

    return user_errors(run)(options, root)


def run(options: argparse.Namespace, root: Path) -> int:
    """Run the command that the options name. Return the exit code."""
    project = options.project or root
    try:
        if not project.is_dir():
            raise BuildError(f"There is no folder {project}: set --project to the folder that has schemas/.")
        if options.signed:
            adopt_signed(project, options.signed)
        elif options.check:
            check(root, project)
        else:
            build(root, project, options.bytecode, options.platform, options.authorizer)
    except BuildError as error:
        print(*(f"build.py: {line}" for line in str(error).splitlines()), sep="\n", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
