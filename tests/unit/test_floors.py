"""The floors of docs/architecture.md hold: no import from above, no circle, no page too long."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "luftrom"
# From the ground up. A room imports from lower floors only; rooms of one floor do not know each
# other. docs/architecture.md says what each holds.
FLOORS = (
    "errors limits",
    "base64url clock files reading",
    "transparency store console tls",
    "geometry",
    "agreement",
    "airspace logs config traffic",
    "formats",
    "statements batch",
    "exchange audit state",
    "node",
    "api",
    "cli",
    "__main__",
)
FLOOR_OF = {name: floor for floor, names in enumerate(FLOORS) for name in names.split()}
PATHS = sorted(SOURCE.rglob("*.py"))
LINES_MAX, FUNCTION_LINES_MAX, LINE_CHARS_MAX = 600, 75, 100
# Who alone may import what: sockets, databases and compiled code stay where they can be seen.
ONLY_IN = {
    "numba": ("geometry", "traffic"),
    "llvmlite": ("geometry", "traffic"),
    "sqlite3": ("store", "cli/doctor.py"),
    "psycopg": ("store",),
    "msgspec": ("api", "formats"),
    "aiohttp": ("exchange/http.py", "api", "cli"),
    "starlette": ("api",),
    "uvicorn": ("api", "cli"),
    "socket": ("api", "cli", "exchange/http.py", "tls.py"),
}
# What one file alone does, by the name without which it cannot be done; where else that may stand.
ONE_PLACE = {
    "load_pem_private_key": ("config/keys.py",),
    "SqliteStore": ("config/storing.py", "store/sqlite.py"),
}


@cache
def tree_of(path: Path) -> ast.Module:
    """A file as Python reads it; most tests here look at all of them."""
    return ast.parse(path.read_text(encoding="utf-8"))


def name_of(path: Path) -> str:
    """The dotted name of a module below `luftrom`; a package has that of its folder."""
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in PATHS}


def room_of(name: str) -> str:
    """The file or the folder at the top that a module belongs to."""
    return name.partition(".")[0]


def imports(path: Path) -> Iterator[str]:
    """The modules of this package that a file imports: nested imports and those for types too."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name.removeprefix("luftrom.") for alias in node.names
                        if alias.name.startswith("luftrom."))
        elif isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith("luftrom."):
            package = (node.module or "").removeprefix("luftrom").removeprefix(".")
            for alias in node.names:
                inner = f"{package}.{alias.name}".removeprefix(".")
                yield inner if inner in MODULES else package


@pytest.mark.parametrize("path", PATHS, ids=lambda path: str(path.relative_to(SOURCE)))
def test_nothing_imports_from_above(path: Path) -> None:
    name = name_of(path)
    room = room_of(name)
    if not room:
        return
    assert room in FLOOR_OF, f"{room} has no floor; docs/architecture.md gives it one"
    for other in filter(None, map(room_of, imports(path))):
        assert other == room or FLOOR_OF[other] < FLOOR_OF[room], f"{name} must not import {other}"


def test_no_circle_of_files() -> None:
    left = {name: {other for other in imports(path) if other and other != name}
            for name, path in MODULES.items()}
    while free := [name for name, others in left.items() if not others & left.keys()]:
        for name in free:
            del left[name]
    assert not left, f"these import each other in a circle, or rest on one: {sorted(left)}"


@pytest.mark.parametrize("library", ONLY_IN)
def test_libraries_stay_at_their_edges(library: str) -> None:
    for path in PATHS:
        where = path.relative_to(SOURCE).as_posix()
        for node in ast.walk(tree_of(path)):
            names = ([alias.name for alias in node.names] if isinstance(node, ast.Import)
                     else [node.module or ""] if isinstance(node, ast.ImportFrom) else [])
            if any(name.partition(".")[0] == library for name in names):
                assert where.startswith(ONLY_IN[library]), f"{where} imports {library}"


@pytest.mark.parametrize("name", ONE_PLACE)
def test_one_matter_has_one_place(name: str) -> None:
    for path in PATHS:
        where = path.relative_to(SOURCE).as_posix()
        for node in ast.walk(tree_of(path)):
            named = {getattr(node, kind, None) for kind in ("id", "attr", "name")}
            assert name not in named or where in ONE_PLACE[name], f"{where} has {name}"


def test_a_package_is_a_docstring_or_a_table() -> None:
    for path in SOURCE.rglob("__init__.py"):
        tree = tree_of(path)
        for node in tree.body:
            assert not isinstance(node, ast.ClassDef | ast.FunctionDef), path


def test_every_room_of_the_floors_is_there_and_in_the_architecture() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for name in FLOOR_OF:
        assert (SOURCE / f"{name}.py").exists() or (SOURCE / name).is_dir(), name
        if not name.startswith("__"):
            assert f"`{name}`" in page, f"docs/architecture.md does not name {name}"


def test_files_that_the_architecture_names_exist() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    names = set(re.findall(r"`((?:src|tests|docs|bench)/[\w/.*-]+)`", page))
    inside = r"`((?!src/|tests/|docs/|bench/)[a-z0-9_]+/[\w/]+\.(?:py|js))`"
    names |= {f"src/luftrom/{name}" for name in re.findall(inside, page)}
    assert names
    for name in names:
        assert list(ROOT.glob(name)), name


@pytest.mark.parametrize("path", PATHS, ids=lambda path: str(path.relative_to(SOURCE)))
def test_pages_and_functions_are_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    assert len(lines) <= LINES_MAX
    assert max(map(len, lines), default=0) <= LINE_CHARS_MAX
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = node.end_lineno - node.lineno + 1
            assert length <= FUNCTION_LINES_MAX, f"{node.name} has {length} lines"


@pytest.mark.parametrize("path", PATHS, ids=lambda path: str(path.relative_to(SOURCE)))
def test_public_names_are_documented_and_nothing_swallows_everything(path: Path) -> None:
    tree = tree_of(path)
    assert ast.get_docstring(tree), "no docstring"
    for node in tree.body:
        if (isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
                and not node.name.startswith("_")):
            decorators = [ast.unparse(each) for each in node.decorator_list]
            assert "overload" in decorators or ast.get_docstring(node), node.name
    if room_of(name_of(path)) in ("api", "cli", "console", "node"):
        return                             # the edges and the worker loop end what nothing else did
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None and getattr(node.type, "id", "") not in (
                "Exception", "BaseException"), f"line {node.lineno} catches everything"
        assert not isinstance(node, ast.Assert), f"line {node.lineno}: assert checks no input"
