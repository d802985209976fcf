"""Read a project's own code, app/, without running it: its hooks, functions and imports.

Report what would fail later in Lambda, each as one sentence with the file, the line and the remedy.
Standard library only, since build.py imports this module, too.
"""

from __future__ import annotations

import ast
import difflib
import re
import sys
from collections.abc import Collection, Iterator, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tools.contract import OPERATIONS, PRESENT, hooks_of
from tools.files import encoding_fault
from tools.imports import Import, bound_names, imports, is_type_checking
from tools.sources import sources

FOLDER = "app"
REQUIREMENTS = f"{FOLDER}/requirements.txt"

# The only module of Trestle that own code may import, and its path.
PUBLIC = "trestle.app"
PUBLIC_PATH = "lambda_src/trestle/app.py"

# The hooks with their parameters, and the operations in which each runs.
PARAMETERS = {
    "before_create": ("draft", "context"),
    "before_update": ("draft", "current", "context"),
    "before_delete": ("current", "context"),
    "present": ("items", "context"),
}
HOOKS = {
    hook: tuple(name for name, operation in OPERATIONS.items() if hook in hooks_of(operation)) for hook in PARAMETERS
}
WRITES = HOOKS.keys() - {PRESENT}
RESERVED = ("after_", "before_", "present")

# A module's name is part of a zip's name, and attributes in tfvars refer to it.
NAME = re.compile(r"[a-z_][a-z0-9_]{0,39}")

# The packages of Lambda's Python besides the standard library.
PROVIDED = {"boto3", "botocore", "dateutil", "jmespath", "s3transfer", "urllib3"}

# Modules of Python 3.11 and 3.12 that Lambda's Python 3.13 lacks.
REMOVED = {
    "aifc", "asynchat", "asyncore", "audioop", "cgi", "cgitb", "chunk", "crypt", "distutils", "imghdr", "imp",
    "lib2to3", "mailcap", "msilib", "nis", "nntplib", "ossaudiodev", "pipes", "smtpd", "sndhdr", "spwd", "sunau",
    "telnetlib", "uu", "xdrlib",
}  # fmt: skip

Definition = ast.FunctionDef | ast.AsyncFunctionDef


class Module:
    """One module of app/. `name` is its import name: app.bookings."""

    def __init__(self, path: str, content: bytes) -> None:
        self.path = path
        self.parts = tuple(path.removesuffix(".py").removesuffix("/__init__").split("/"))
        self.name = ".".join(self.parts)
        self.is_package = path.endswith("/__init__.py")
        self.faults: list[str] = []
        self.tree = ast.Module([], [])
        try:
            self.tree = ast.parse(content)
        except (SyntaxError, ValueError) as error:
            line = getattr(error, "lineno", None)
            reason = (
                encoding_fault(content)
                or f"is not valid Python {sys.version_info[0]}.{sys.version_info[1]}: {error.args[0]}"
            )
            self.faults.append(f"{path}{f' line {line}' if line else ''} {reason}.")
        if bad := next((part for part in path.removesuffix(".py").split("/") if not NAME.fullmatch(part)), None):
            self.faults.append(
                f'{path}: "{bad}" cannot be the name of a module of app/. Use lower-case letters, digits and '
                "underscores, a letter first, and at most 40 characters."
            )
        self.faults += self._reserved_names()

    def where(self, node: ast.AST) -> str:
        """Return the place of a statement, as the beginning of a sentence."""
        return f"{self.path} line {getattr(node, 'lineno', 1)}"

    @cached_property
    def functions(self) -> dict[str, Definition]:
        """Return the functions at the top level, by name. Python keeps the last one of a name."""
        return {node.name: node for node in top_level(self.tree) if isinstance(node, Definition)}

    @property
    def hooks(self) -> list[str]:
        """Return the hooks that the module defines, in alphabetical order."""
        return sorted(HOOKS.keys() & self.functions.keys())

    def handlers(self) -> dict[str, dict[str, Any]]:
        """Return the other public functions: the line of each, and why it cannot be a handler, or ""."""
        return {
            name: {
                "fault": signature_fault(node, ("event", "context"), f"def {name}(event, context)"),
                "line": node.lineno,
            }
            for name, node in sorted(self.functions.items())
            if not name.startswith("_") and name not in HOOKS
        }

    def _reserved_names(self) -> Iterator[str]:
        """Yield the faults of the hooks, and of other uses of names that are reserved for hooks."""
        for node in top_level(self.tree):
            for name in bound_by(node):
                if not name.startswith(RESERVED):
                    continue
                where = self.where(node)
                if name not in HOOKS:
                    yield f"{where}: {name} is not a hook. {_instead(name)}"
                    continue
                form = f"def {name}({', '.join(PARAMETERS[name])})"
                if not isinstance(node, Definition):
                    yield f"{where}: {name} must be a function of this file: write {form}."
                elif fault := signature_fault(node, PARAMETERS[name], form):
                    yield f"{where}: {name} {fault}."


def _instead(name: str) -> str:
    """Return the remedy for a reserved name that is not a hook."""
    nearest = difflib.get_close_matches(name, HOOKS, 1, 0.75)
    if nearest:
        return f"Did you mean {nearest[0]}? Names that begin with before_, after_ or present are reserved."
    if name.startswith("after_"):
        return "No hook runs after a write: use a function that reacts to changes, or another name."
    return f"Names that begin with before_, after_ or present are reserved for {', '.join(HOOKS)}: use another name."


def top_level(tree: ast.AST) -> Iterator[ast.stmt]:
    """Yield the statements that run when a module is imported, including those in if, try, with and loops."""
    for node in ast.iter_child_nodes(tree):
        if is_type_checking(node):
            yield from top_level(ast.Module(node.orelse, []))
            continue
        if isinstance(node, ast.stmt):
            yield node
        if isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case) and not isinstance(
            node, Definition | ast.ClassDef
        ):
            yield from top_level(node)


def bound_by(node: ast.stmt) -> set[str]:
    """Return the names that one statement binds."""
    if isinstance(node, Definition | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name.partition(".")[0] for alias in node.names}
    targets: list[ast.expr | None] = []
    match node:
        case ast.Assign():
            targets = list(node.targets)
        case ast.AnnAssign() | ast.AugAssign() | ast.For():
            targets = [node.target]
        case ast.With():
            targets = [item.optional_vars for item in node.items]
    return {
        each.id
        for target in targets
        if target
        for each in ast.walk(target)
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
    }


def signature_fault(node: Definition, names: Sequence[str], form: str) -> str:
    """Return why a function cannot be called with these positional arguments, or "". `form` is the remedy."""
    if isinstance(node, ast.AsyncFunctionDef):
        return f"is async, and own code runs synchronously: write {form}"
    if is_generator(node):
        return f"has a yield, so a call would not run it: write {form} without yield"
    arguments = node.args
    positional = [each.arg for each in (*arguments.posonlyargs, *arguments.args)]
    required = len(positional) - len(arguments.defaults)
    keywords = [
        each.arg for each, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if not default
    ]
    if required > len(names) or keywords or (len(positional) < len(names) and not arguments.vararg):
        return f"takes ({ast.unparse(arguments)}) but is called with ({', '.join(names)}): write {form}"
    if any(name in names and names.index(name) != place for place, name in enumerate(positional)):
        return f"takes ({ast.unparse(arguments)}) but its arguments come as ({', '.join(names)}): write {form}"
    return ""


def is_generator(node: ast.AST) -> bool:
    """Return whether a function has a yield itself, not in a nested function."""
    return any(
        isinstance(child, ast.Yield | ast.YieldFrom)
        or (not isinstance(child, Definition | ast.Lambda | ast.ClassDef) and is_generator(child))
        for child in ast.iter_child_nodes(node)
    )


@dataclass(frozen=True)
class External:
    """An import of a module from outside this project. `names`: the names that it imports from the module."""

    where: str
    module: str
    names: tuple[str, ...]
    is_optional: bool


def public_names(tree: ast.Module) -> set[str]:
    """Return the names in a module's __all__."""
    texts = (node.value for node in tree.body if "__all__" in bound_by(node) and isinstance(node, ast.Assign))
    return {name for text in texts for name in ast.literal_eval(text)}


class OwnCode:
    """A project's app/: its modules by path, its lock of packages, and `faults`, each one sentence.

    public: the names that own code may import from trestle.app.
    """

    def __init__(self, project: Path, public: Set[str]) -> None:
        self.files = {
            path.relative_to(project).as_posix(): path.read_bytes() for path in sources(project / FOLDER, "**/*.py")
        }
        lock = project / REQUIREMENTS
        self.lock = lock.read_bytes() if lock.is_file() else None
        self.modules = {path: Module(path, content) for path, content in self.files.items()}
        self.faults = [fault for module in self.modules.values() for fault in module.faults]
        self._public = public
        self._by_name: dict[str, Module] = {}
        for module in self.modules.values():
            other = self._by_name.setdefault(module.name, module)
            if other is not module:
                self.faults.append(f"{other.path} and {module.path} have the same import name: rename one of them.")
        self._folders = {module.parts[:end] for module in self.modules.values() for end in range(1, len(module.parts))}
        self._imported: dict[str, list[str]] = {}
        self.externals: dict[str, list[External]] = {}
        for module in self.modules.values():
            self._imported[module.path], self.externals[module.path] = self._read(module)

    def inputs(self) -> dict[str, bytes]:
        """Return the files of app/ that a build reads, by path."""
        return self.files | ({REQUIREMENTS: self.lock} if self.lock is not None else {})

    def named_modules(self) -> dict[str, Module]:
        """Return the modules that a tfvars file can name, by that name."""
        return {module.parts[1]: module for _, module in sorted(self._by_name.items()) if len(module.parts) == 2}

    def manifest(self) -> dict[str, Any]:
        """Return what Terraform needs of each module: its path, its hooks and its functions."""
        return {
            name: {"file": module.path, "functions": module.handlers(), "hooks": module.hooks}
            for name, module in self.named_modules().items()
        }

    def imported_paths(self, path: str) -> list[str]:
        """Return the paths of the modules of app/ and lambda_src/ that a module of app/ imports."""
        return self._imported[path]

    def packed_with(self, name: str, function: str) -> list[str]:
        """Return the paths of the modules to pack for a module's hooks in a function; none if it has no such hooks.

        A hook before a write may write other entities, whose hooks run, too. Only Terraform knows
        which ones.
        """
        named = self.named_modules()
        module = named[name]
        writes = any(_runs_in(hook, function) for hook in module.hooks if hook in WRITES)
        if not any(_runs_in(hook, function) for hook in module.hooks):
            return []
        return [module.path, *(self._writing_modules() if writes else ())]

    def handled_by(self, name: str) -> list[str]:
        """Return the paths of the modules to pack for a module's functions; none if it has no handler."""
        module = self.named_modules()[name]
        if all(each["fault"] for each in module.handlers().values()):
            return []
        return [module.path, *self._writing_modules()]

    def _writing_modules(self) -> list[str]:
        return [module.path for module in self.named_modules().values() if WRITES & module.functions.keys()]

    # --- Imports ---

    def _read(self, module: Module) -> tuple[list[str], list[External]]:
        """Return the paths that a module imports, and its imports from outside the project."""
        paths: list[str] = []
        externals: list[External] = []
        optional = set(_optional_imports(module.tree))
        followed = set(imports(module.tree))
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.Import | ast.ImportFrom):
                continue
            where = module.where(node)
            for name, names in _imported_names(module, node):
                top = name.partition(".")[0]
                if not name:
                    self.faults.append(f"{where}: the relative import leads out of {FOLDER}/. Write the full name.")
                elif top == "trestle":
                    # Also for imports under TYPE_CHECKING, to find their faults.
                    found = self._public_module(name, names, where)
                    paths += found if node in followed else ()
                elif node not in followed:
                    continue
                elif top == FOLDER:
                    paths += self._own_module(name, names, where)
                else:
                    externals.append(External(where, name, names, node in optional))
        return paths, externals

    def _public_module(self, name: str, names: tuple[str, ...], where: str) -> list[str]:
        """Return the path of trestle.app. An import of anything else from Trestle is a fault."""
        if name == "trestle" and names == ("app",):
            name, names = PUBLIC, ()
        if name != PUBLIC:
            wanted = [each for each in names if each in self._public]
            remedy = f"write from {PUBLIC} import {', '.join(wanted)}" if wanted else f"use what {PUBLIC} has"
            self.faults.append(f"{where} imports {name}, which is private to Trestle: {remedy}.")
            return []
        for each in names:
            if each not in self._public | {"*"}:
                self.faults.append(f"{where}: {PUBLIC} has no {each}.{_did_you_mean(each, self._public)}")
        return [PUBLIC_PATH, PUBLIC_PATH.replace("app.py", "__init__.py")] if self._public else []

    def _own_module(self, name: str, names: tuple[str, ...], where: str) -> list[str]:
        """Return the paths of a module of app/, of the packages around it, and of modules among its names."""
        parts = tuple(name.split("."))
        found = [self._by_name.get(".".join(parts[:end])) for end in range(1, len(parts) + 1)]
        if found[-1] is None and parts not in self._folders and parts != (FOLDER,):
            others = [each.removeprefix(f"{FOLDER}.") for each in self._by_name]
            known = _did_you_mean(name.removeprefix(f"{FOLDER}."), others, FOLDER)
            self.faults.append(f"{where} imports {name}, which {FOLDER}/ does not have.{known}")
            return []
        paths = [each.path for each in found if each]
        bound = bound_names(found[-1].tree) if found[-1] else set()
        for each in names:
            inner = self._by_name.get(f"{name}.{each}")
            if inner:
                paths.append(inner.path)
            elif each not in bound | {"*"} and (*parts, each) not in self._folders:
                inside = found[-1].path if found[-1] else f"{'/'.join(parts)}/"
                self.faults.append(f"{where} imports {each} of {name}, but {inside} has no {each}.")
        return paths


def _runs_in(hook: str, function: str) -> bool:
    """Return whether a hook runs in a function of lambda_src/, one of which has all operations."""
    return function == "entity" or function in HOOKS[hook]


def _imported_names(module: Module, node: Import) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the full names of an import's modules, "" if outside app/, and the names imported from each."""
    if isinstance(node, ast.Import):
        yield from ((alias.name, ()) for alias in node.names)
        return
    base: tuple[str, ...] = ()
    if node.level:
        package = module.parts if module.is_package else module.parts[:-1]
        base = package[: len(package) - node.level + 1]
        if not base:
            yield "", ()
            return
    yield ".".join((*base, *([node.module] if node.module else []))), tuple(alias.name for alias in node.names)


def _optional_imports(tree: ast.Module) -> Iterator[Import]:
    """Yield the imports that may fail, in a `try` with `except ImportError`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Try) and any(map(_catches_import_error, node.handlers)):
            for statement in node.body:
                yield from (each for each in ast.walk(statement) if isinstance(each, Import))


def _catches_import_error(handler: ast.ExceptHandler) -> bool:
    caught = (
        {each.id for each in ast.walk(handler.type) if isinstance(each, ast.Name)} if handler.type else {"Exception"}
    )
    return not caught.isdisjoint({"BaseException", "Exception", "ImportError", "ModuleNotFoundError"})


def _did_you_mean(name: str, names: Collection[str], package: str = "") -> str:
    nearest = difflib.get_close_matches(name, sorted(names), 1, 0.7)
    return f" Did you mean {package}{'.' if package else ''}{nearest[0]}?" if nearest else ""


def is_standard(external: External) -> bool:
    """Return whether a module is in the standard library of Lambda's Python."""
    top = external.module.partition(".")[0]
    return top in sys.stdlib_module_names and top not in REMOVED


def import_fault(external: External, app: OwnCode) -> str | None:
    """Return why an import from outside would fail in Lambda, or None if Lambda's Python has the module."""
    top = external.module.partition(".")[0]
    if external.is_optional or top in PROVIDED or is_standard(external):
        return None
    begun = f"{external.where} imports {external.module}, which"
    if top in app.named_modules():
        return f"{begun} is a module of {FOLDER}/: write from {FOLDER} import {top}."
    if top in REMOVED:
        return f"{begun} Lambda's Python no longer has."
    places = (
        f"neither {FOLDER}/ nor Lambda's Python has"
        if app.lock is None
        else f"neither {FOLDER}/, Lambda's Python nor {REQUIREMENTS} has"
    )
    return f"{begun} {places}. Add its package to {FOLDER}/requirements.in, then run `make requirements`."
