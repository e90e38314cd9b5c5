"""The floors of docs/architecture.md hold: nothing imports from above, and no page is too long."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "luftrom"
FLOORS = (
    "errors limits base64url clock kernel_sources kernel_cache compiling boxes rings volume "
    "ellipsoid airspace agreement",
    "wire envelope content f3548 statement note merkle checkpoint receipt audit files",
    "cells columns bounds packing edges kernels screen grid slots bulk snapshot conflicts pairs "
    "meetings datasets coverings approach approach_kernels motion suggestions definition",
    "store",
    "log mirror index submission exchange exchange_http",
    "node",
    "api console cli config __main__",
)
FLOOR_OF = {name: floor for floor, names in enumerate(FLOORS) for name in names.split()}
PATHS = sorted(SOURCE.rglob("*.py"))
LINES_MAX, FUNCTION_LINES_MAX, LINE_CHARS_MAX = 600, 75, 100
EDGES = ("api", "cli", "console")


def module_of(path: Path) -> str:
    """The module or package below `luftrom` that a file belongs to."""
    part = path.relative_to(SOURCE).parts[0]
    return part.removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    """What a file imports of this package, nested imports as well; not those for types alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing = {id(inner) for node in ast.walk(tree) if isinstance(node, ast.If)
              and getattr(node.test, "id", "") == "TYPE_CHECKING" for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in typing:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("luftrom."))
        elif isinstance(node, ast.ImportFrom) and node.module == "luftrom":
            yield from (f"luftrom.{alias.name}" for alias in node.names
                        if alias.name in FLOOR_OF)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("luftrom."):
            yield node.module


@pytest.mark.parametrize("path", PATHS, ids=lambda path: str(path.relative_to(SOURCE)))
def test_nothing_imports_from_above(path: Path) -> None:
    if path == SOURCE / "__init__.py":
        return
    module = module_of(path)
    assert module in FLOOR_OF, f"{module} has no floor; docs/architecture.md gives it one"
    for name in imports(path):
        other = name.split(".")[1]
        assert FLOOR_OF[other] <= FLOOR_OF[module], f"{module} must not import {name}"


def test_every_module_of_the_floors_is_there_and_in_the_architecture() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for name in FLOOR_OF:
        assert (SOURCE / f"{name}.py").exists() or (SOURCE / name).is_dir(), name
        if not name.startswith("__"):
            assert f"`{name}`" in page, f"docs/architecture.md does not name {name}"


def test_files_that_the_architecture_names_exist() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    names = set(re.findall(r"`((?:src|tests|docs|bench)/[\w/.*-]+)`", page))
    assert names
    for name in names:
        assert list(ROOT.glob(name)), name


@pytest.mark.parametrize("path", PATHS, ids=lambda path: str(path.relative_to(SOURCE)))
def test_pages_and_functions_are_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    assert len(lines) <= LINES_MAX
    assert max(map(len, lines), default=0) <= LINE_CHARS_MAX
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = node.end_lineno - node.lineno + 1
            assert length <= FUNCTION_LINES_MAX, f"{node.name} has {length} lines"


@pytest.mark.parametrize("path", PATHS, ids=lambda path: str(path.relative_to(SOURCE)))
def test_public_names_are_documented_and_nothing_swallows_everything(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "no docstring"
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{node.name} has no docstring"
    if module_of(path) in (*EDGES, "node"):
        return                             # the edges and the worker loop end what nothing else did
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None and getattr(node.type, "id", "") not in (
                "Exception", "BaseException"), f"line {node.lineno} catches everything"
        assert not isinstance(node, ast.Assert), f"line {node.lineno}: assert checks no input"
