"""Files of many volumes to columns: GeoJSON, F3548-21 JSON, Arrow and Parquet (docs/batch.md).

In goes an open file, out come chunks of at most some thousand volumes, so that a file of millions
is never held as a whole; `Gathering` puts chunks of one or more files together into a `DataSet`.
Every volume is checked as if built by hand. What is wrong is a BadInput whose field says where in
the file: a feature, an item or a row, and the value in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from luftrom.batch.chunks import Chunk, DataSet, Gathering
from luftrom.batch.items import read_items
from luftrom.batch.json_text import read_json
from luftrom.errors import BadInput

__all__ = ["Chunk", "DataSet", "Gathering", "read_chunks"]

FORMATS = ("GeoJSON (a FeatureCollection, a Feature, or one Feature a line)",
           "JSON of F3548-21 operational intents", "Arrow IPC", "Parquet")


def read_chunks(file: IO[bytes]) -> Iterator[Chunk]:
    """The volumes of an open file in its order; its first bytes say which format it has.

    `file` is buffered (`peek`); Parquet and Arrow IPC files must be seekable. At most a chunk, an
    item of `limits.DATASET_ITEM_CHARS_MAX` and for Arrow a record batch are held at a time. Raises
    BadInput, and OSError if the file cannot be read to its end.
    """
    head = file.peek(8)[:8]  # type: ignore[attr-defined]  # every buffered file has it
    if not head:
        raise BadInput("is empty")
    if head[:4] == b"PAR1" or head[:6] == b"ARROW1" or head[:4] == b"\xff\xff\xff\xff":
        from luftrom.batch.arrow import read_arrow

        return read_arrow(file, head)
    if head.lstrip(b" \t\r\n\x1e")[:1] in (b"", b"{", b"["):
        return read_items(read_json(file))
    raise BadInput(f"is in none of the formats that are read: {', '.join(FORMATS)}")
