"""Which sources do compiled functions come from? One digest names what conflicts are decided by.

Two nodes with the same digest compute the same conflicts from the same volumes. In goes nothing
but the files of this package; out comes SHA-256 over every module with compiled functions and every
module that one of these imports, directly or not: whatever they take in, constants included. It
does not depend on where the package lies, on the machine or on line endings. numba is not
imported.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

_PACKAGE = __package__.partition(".")[0]
_ROOT = Path(__file__).parents[__package__.count(".")]
_COMPILING = "compiling"                   # whoever imports the module of this name compiles
_COMMENT = re.compile(r"#[^\n]*")
_IMPORT = re.compile(rf"^[ \t]*(?:from[ \t]+({_PACKAGE}[\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n]*)"
                     rf"|import[ \t]+({_PACKAGE}\.[^\n]*))", re.MULTILINE)


def digest_of(package: Path) -> str:
    """The digest (hex) of a package's sources as they are on the disk now."""
    texts = _texts(package)
    total = hashlib.sha256()
    for name in sorted(_taking_part(texts)):
        data = texts[name].encode()
        total.update(f"{name} {len(data)}\n".encode() + data)
    return total.hexdigest()


@functools.cache
def sources_digest() -> str:
    """The digest (hex) of this package's sources, as they were when it was first asked for."""
    return digest_of(_ROOT)


def modules_taking_part(package: Path) -> list[str]:
    """The names of the modules that the digest is of, in order."""
    return sorted(_taking_part(_texts(package)))


def _texts(package: Path) -> dict[str, str]:
    """The sources of a package by the full names of their modules; lines end in one way."""
    texts = {}
    for path in package.rglob("*.py"):
        parts = path.relative_to(package).with_suffix("").parts
        if parts[-1] == "__init__":
            parts = parts[:-1]
        data = path.read_bytes().replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        texts[".".join((_PACKAGE, *parts))] = data.decode()
    return texts


def _taking_part(texts: Mapping[str, str]) -> set[str]:
    """The modules that import the compiler, and all that those import."""
    compilers = {name for name in texts if name.rpartition(".")[2] == _COMPILING}
    waiting = [name for name, text in texts.items()
               if _COMPILING in text and compilers & _imports(text, texts)]
    if not waiting:
        raise RuntimeError(f"no module imports {_COMPILING}: the sources of compiled functions are "
                           "unknown, and so is whether those that are kept are stale")
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _imports(texts[name], texts)
    return found


def _imports(text: str, texts: Mapping[str, str]) -> set[str]:
    """The modules of the package that a source imports, wherever in it; rather too many.

    A package is among them if something of its own is taken from it, not only modules in it: so
    a new version number is no change of what is compiled.
    """
    found = set()
    for source, names, plain in _IMPORT.findall(_COMMENT.sub("", text)):
        for name in re.findall(r"[\w.]+", names):
            module = f"{source}.{name}"
            found.add(module if module in texts else source)
        found.update(re.findall(r"[\w.]+", plain))
    return found & texts.keys()
