"""A log on somebody's web server, as an auditor reads it: C2SP tlog-tiles over HTTP.

Every answer is bounded in size. Entry bundles are kept in a file without a name, so that a long
log is fetched once and does not have to fit into memory.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence

from luftrom.cli.client import NodeClient
from luftrom.errors import BadInput, LuftromError, NotFound, Unavailable
from luftrom.limits import LEAF_BYTES_MAX, NOTE_BYTES_MAX
from luftrom.transparency.checkpoint import Checkpoint, parse_checkpoint
from luftrom.transparency.merkle import HASH_BYTES, TILE_WIDTH, parse_entry_bundle, tile_path
from luftrom.transparency.note import parse_note

_BUNDLE_BYTES_MAX = TILE_WIDTH * (LEAF_BYTES_MAX + 2)


class RemoteLog:
    """The rows of one log below a URL prefix; `checkpoint` is fetched once, at the start."""

    def __init__(self, prefix: str, timeout_s: float = 30.0):
        self._client = NodeClient(prefix, None, timeout_s=timeout_s)
        self._bundles: dict[int, tuple[int, int]] = {}
        try:
            self.note = self._fetch("checkpoint", NOTE_BYTES_MAX)
            self.head: Checkpoint = parse_checkpoint(parse_note(self.note).text)
        except LuftromError:
            self._client.close()
            raise
        self._file = tempfile.TemporaryFile()   # noqa: SIM115 - `close` lets go of it

    def close(self) -> None:
        """Let go of the connection and of what was kept."""
        self._client.close()
        self._file.close()

    def checkpoint(self, party: str) -> tuple[int, bytes]:
        """The size that the checkpoint names, and its bytes."""
        return self.head.size, self.note

    def size(self, party: str) -> int:
        """How many leaves there should be."""
        return self.head.size

    def leaves(self, party: str, start: int, end: int) -> Sequence[bytes]:
        """The leaves [start, end), in order."""
        found: list[bytes] = []
        for index in range(start // TILE_WIDTH, -(-end // TILE_WIDTH)):
            first = index * TILE_WIDTH
            bundle = parse_entry_bundle(self._bundle(index))
            if len(bundle) != min(TILE_WIDTH, self.head.size - first):
                raise BadInput(f"entry bundle {index} holds {len(bundle)} entries")
            found += bundle[max(0, start - first):end - first]
        return found

    def disclosures(self, party: str, start: int, end: int) -> Mapping[int, Sequence[bytes]]:
        """None: what a party shows to everybody is closed."""
        return {}

    def tile(self, level: int, index: int, width: int) -> bytes:
        """The hashes of a tile."""
        return self._fetch(tile_path(level, index, width), TILE_WIDTH * HASH_BYTES)

    def _bundle(self, index: int) -> bytes:
        if index not in self._bundles:
            width = min(TILE_WIDTH, self.head.size - index * TILE_WIDTH)
            data = self._fetch(tile_path("entries", index, width), _BUNDLE_BYTES_MAX)
            self._bundles[index] = (self._file.seek(0, 2), len(data))
            self._file.write(data)
            return data
        at, length = self._bundles[index]
        self._file.seek(at)
        return self._file.read(length)

    def _fetch(self, path: str, bytes_max: int) -> bytes:
        status, data = self._client.fetch(f"/{path}", bytes_max)
        if status == 404:
            raise NotFound(f"there is no {self._client.base_url}/{path}")
        if status != 200:
            raise Unavailable(f"{self._client.base_url}/{path} answers with status {status}")
        return data
