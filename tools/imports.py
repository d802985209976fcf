"""Read what Python source imports and binds, without running it.

Standard library only, since build.py imports this module, too.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TypeGuard

Import = ast.Import | ast.ImportFrom


def imports(tree: ast.AST) -> Iterator[Import]:
    """Yield every import below `tree`, except under `if TYPE_CHECKING:`, which never runs."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, Import):
            yield node
        elif is_type_checking(node):
            for other in node.orelse:
                yield from imports(ast.Module([other], []))
        else:
            yield from imports(node)


def is_type_checking(node: ast.AST) -> TypeGuard[ast.If]:
    """Return whether a statement is `if TYPE_CHECKING:`."""
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def bound_names(tree: ast.Module) -> set[str]:
    """Return every name that a module binds anywhere, which is enough to find a misspelt import."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.alias):
            names.add(node.asname or node.name.partition(".")[0])
    return names
