"""Test the structure of the functions' code: layers without import cycles, and no state of a single entity."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tools.testing.functions import LAMBDA_SRC

PACKAGE = LAMBDA_SRC / "trestle"
MODULES = {".".join(path.relative_to(LAMBDA_SRC).with_suffix("").parts): path for path in PACKAGE.rglob("*.py")}
# Each layer may import those after it. The last layer is trestle.schema and the modules beside the
# folders.
LAYERS = ("authorizer", "functions", "http", "own", "app", "operations", "store", "schema")
# Terms that belong to other layers: of HTTP in the store, of DynamoDB in the operations.
FOREIGN = {"store": ("status_code", "multiValueHeaders", "requestContext"), "operations": ("Expression", '{"S"')}


def layer(module: str) -> int:
    """Return a module's layer; 0 is the top."""
    part = module.split(".")[1]
    return LAYERS.index(part) if part in LAYERS else LAYERS.index("schema")


def imports(path: Path) -> Iterator[str]:
    """Yield the package's modules that a module imports: at its top, in a function, or for a type checker."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and str(node.module).partition(".")[0] == "trestle":
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in MODULES else str(node.module)


@pytest.mark.parametrize("module", [name for name in MODULES if not name.endswith("__init__")])
def test_each_module_imports_only_layers_below(module: str) -> None:
    assert [each for each in imports(MODULES[module]) if layer(each) < layer(module)] == []


def test_no_modules_import_each_other() -> None:
    graph = {module: set(imports(path)) for module, path in MODULES.items()}
    assert sum(map(len, graph.values())) > 100
    TopologicalSorter(graph).prepare()  # raises CycleError for a cycle


@pytest.mark.parametrize("name", FOREIGN)
def test_a_layer_does_not_use_terms_of_another(name: str) -> None:
    for path in (PACKAGE / name).glob("*.py"):
        assert not [word for word in FOREIGN[name] if word in path.read_text(encoding="utf-8")], path


def test_no_module_reads_the_environment_as_it_is_imported() -> None:
    """Such a module could serve only one entity per process."""
    for path in MODULES.values():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for statement in tree.body:
            if isinstance(statement, ast.FunctionDef | ast.ClassDef):
                continue
            assert "os.environ" not in ast.unparse(statement), f"{path} line {statement.lineno}"
