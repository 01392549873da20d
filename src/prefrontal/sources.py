"""Hashes of code: of a module and everything that it imports from this project, as the files are
now. Comments, docstrings and layout are ignored, so editing them makes no results stale.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import io
import tokenize
from collections.abc import Iterable, Iterator
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path

PROJECT = ("prefrontal", "replications")


def code_hash(modules: Iterable[str], ignore: Iterable[str] = ()) -> str:
    """Hash the code of modules and of what they import, directly or not, in this project.

    Parameters
    ----------
    modules : iterable of str
        Such as "replications.two_step.analysis".
    ignore : iterable of str
        Modules or packages whose code cannot change results, such as "prefrontal.publishing".
    """
    found = {name: statements(path) for name, path in imported(modules, tuple(ignore)).items()}
    text = "\n".join(f"{name}\n{found[name]}" for name in sorted(found))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def imported(modules: Iterable[str], ignore: tuple[str, ...] = ()) -> dict[str, Path]:
    """Files of modules, and of all modules of this project that they import, by module name."""
    found: dict[str, Path] = {}
    todo = list(modules)
    while todo:
        name = todo.pop()
        ignored = any(name == other or name.startswith(f"{other}.") for other in ignore)
        path = None if name in found or ignored else _file(name)
        if path is not None:
            found[name] = path
            todo += _imports(path)
    return found


@functools.cache
def _file(module: str) -> Path | None:
    """File of a module of this project, found without importing it; None for anything else."""
    parts = module.split(".")
    if parts[0] not in PROJECT:
        return None
    spec = find_spec(parts[0])
    for depth in range(2, len(parts) + 1):
        if spec is None or spec.submodule_search_locations is None:
            return None
        name = ".".join(parts[:depth])
        spec = PathFinder.find_spec(name, list(spec.submodule_search_locations))
    return Path(spec.origin) if spec is not None and spec.origin else None


@functools.cache
def _imports(path: Path) -> list[str]:
    """Names of modules that a file may import, also inside functions; other names in the list do no
    harm."""
    names = []
    for node in _executed(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [name for name in names if name.split(".")[0] in PROJECT]


def _executed(node: ast.AST) -> Iterator[ast.AST]:
    """Nodes of a syntax tree without ``if TYPE_CHECKING`` blocks, which are never executed."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
            yield from _executed(child)


@functools.cache
def statements(path: Path) -> str:
    """Text of a file without comments, docstrings and white space."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    for first, last in _docstrings(ast.parse(text)):
        lines[first - 1 : last] = [""] * (last - first + 1)
    kept = "\n".join(lines)
    starts = {}
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            starts[token.start[0]] = token.start[1]
    rows = [
        line[: starts[n]] if n in starts else line for n, line in enumerate(kept.split("\n"), 1)
    ]
    return "".join("".join(rows).split())


def _docstrings(tree: ast.AST) -> Iterator[tuple[int, int]]:
    """First and last line of every string that is a statement."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            yield node.lineno, node.end_lineno or node.lineno
