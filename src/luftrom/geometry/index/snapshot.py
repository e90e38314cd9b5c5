"""Arrays in one file: written whole or not at all, verified and mapped when they are read.

In go named arrays and what they were computed from; out comes a file, and from it the same arrays.
The file is

    the line `luftrom-arrays/1`; one line of JSON (RFC 8259) in ASCII without spaces, its names in
    order: `arrays` (for each its name, its element and its shape), `layout`, `tied`; the arrays in
    that order, each row after row; and the SHA-256 of all that (FIPS 180-4).

The JSON and every array begin at a multiple of 64 bytes, with zeros before them. Compiled code does
not check the places that it finds in arrays, so nothing is handed out of a file whose digest is
wrong. The digest is no signature: whoever may write to the file can give it any content.

Reading takes the time of one SHA-256 over the file: 0.2 s for 250 MB where the processor has
instructions for it. The arrays are mapped copy-on-write (POSIX mmap, MAP_PRIVATE): changes to them
stay in memory. A file must be replaced, not written into, while it is mapped.
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Mapping
from hashlib import sha256
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from luftrom.errors import BadInput, LuftromError, NotFound, TooLarge
from luftrom.files import clear_drafts, naming, replacing, writing

# Raise it whenever arrays of the same names, elements and shapes come to mean something else:
# places and keys of cells, grids, outlines in the pool, entries of the arena, numbers in `meta`.
LAYOUT = 1
HEADER_BYTES_MAX = 65_536
_FORMAT = b"luftrom-arrays/1\n"
_ALIGNMENT_BYTES = 64
_DIGEST_BYTES = 32


def write_snapshot(path: Path, tied: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays, and in words what they were computed from, in place of what is at the path.

    The same arrays give the same bytes. A crash leaves the old file or the new one. Nobody else may
    write to the path meanwhile. Raises TooLarge if `tied` is, LuftromError if the file cannot be
    written; then the old one is still there.
    """
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    header = _encode_header(tied, [[*_named(name, array), array.shape]
                                   for name, array in arrays.items()])
    if len(header) > HEADER_BYTES_MAX:
        raise TooLarge(f"the header of {path} would have {len(header)} bytes; "
                       f"{HEADER_BYTES_MAX} are taken")
    parts = [memoryview(header), *(array.data for array in arrays.values())]
    digest = sha256()
    with writing(path):
        clear_drafts(path)
        with replacing(path) as file:
            for part in parts:
                for data in (part, bytes(-part.nbytes % _ALIGNMENT_BYTES)):
                    digest.update(data)
                    file.write(data)
            file.write(digest.digest())


def read_snapshot(path: Path, tied: str, like: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays of a file that was written with the same `tied`, verified, mapped copy-on-write.

    `like` has their names, in order, and arrays of their elements; only the lengths, the first
    numbers of their shapes, are the file's. Raises NotFound if there is no file, BadInput if it is
    of another kind, not tied to this, or damaged, LuftromError if it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            # An empty file cannot be mapped.
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) if file.read(1) else b""
    except FileNotFoundError:
        raise NotFound(f"there is no {path}") from None
    except OSError as error:
        raise LuftromError(f"cannot read {path}: {error.strerror}", code="unreadable") from None
    with naming(path):
        shapes, offset = _parse_header(data, tied, like)
        places = []
        for shape, array in zip(shapes, like.values(), strict=True):
            places.append(offset)
            offset = _aligned(offset + prod(shape) * array.dtype.itemsize)
        if len(data) != offset + _DIGEST_BYTES:
            raise BadInput(f"has {len(data)} bytes; by its header it has {offset + _DIGEST_BYTES}")
        with memoryview(data) as view:
            if sha256(view[:offset]).digest() != view[offset:]:
                raise BadInput("is damaged: its SHA-256 is wrong")
        return {name: np.ndarray(shape, array.dtype, data, place) for (name, array), shape, place
                in zip(like.items(), shapes, places, strict=True)}


def _aligned(offset: int) -> int:
    """The next place where an array may begin."""
    return offset + -offset % _ALIGNMENT_BYTES


def _encode_header(tied: str, rows: list[list[Any]]) -> bytes:
    """All that stands before the first array, but for the zeros behind it."""
    text = json.dumps({"arrays": rows, "layout": LAYOUT, "tied": tied}, separators=(",", ":"))
    return _FORMAT + bytes(-len(_FORMAT) % _ALIGNMENT_BYTES) + text.encode() + b"\n"


def _named(name: str, array: np.ndarray) -> list[Any]:
    """A name and, as JSON has it, an element: its type and order of bytes, or those of its parts.
    """
    element = array.dtype.descr if array.dtype.names else array.dtype.str
    return [name, json.loads(json.dumps(element))]


def _parse_header(data: bytes | mmap.mmap, tied: str, like: Mapping[str, np.ndarray]
                  ) -> tuple[list[tuple[int, ...]], int]:
    """The shapes of the arrays and where the first begins; BadInput if they are not like these."""
    start = _aligned(len(_FORMAT))
    end = data.find(b"\n", start, HEADER_BYTES_MAX) + 1
    if data[:len(_FORMAT)] != _FORMAT:
        raise BadInput(f"is no snapshot of the format {_FORMAT.decode().strip()}")
    try:
        header = json.loads(data[start:end])
        rows, layout, held = header["arrays"], header["layout"], header["tied"]
        shapes = [tuple(shape) for _, _, shape in rows]
        is_alike = [row[:2] for row in rows] == [_named(*item) for item in like.items()]
    except (ValueError, LookupError, TypeError, RecursionError):
        raise BadInput("has no header of a snapshot") from None
    if layout != LAYOUT:
        raise BadInput(f"is of layout {layout!r}; this version reads {LAYOUT}")
    if not is_alike:
        raise BadInput("holds other arrays, or another order of bytes")
    for shape, array in zip(shapes, like.values(), strict=True):
        if (len(shape) != array.ndim or shape[1:] != array.shape[1:]
                or type(shape[0]) is not int or shape[0] < 0):
            raise BadInput(f"holds an array of another shape: {list(shape)}")
    if held != tied:
        raise BadInput(f"is tied to {held!r}, not to {tied!r}")
    if _encode_header(tied, rows) != data[:end]:
        raise BadInput("has a header that is not written as it must be")
    return shapes, _aligned(end)
