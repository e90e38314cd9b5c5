"""Logs as C2SP tlog-tiles: the own one under /log, mirrors under /mirror/<SHA-256 of the origin>.

A checkpoint may be kept for seconds; tiles and entry bundles never change.
"""

from __future__ import annotations

from typing import Any

from luftrom.api.http.call import BINARY, TEXT, Answer, Call
from luftrom.errors import BadInput, NotFound
from luftrom.transparency.merkle import parse_tile_path

_MUTABLE = ((b"cache-control", b"max-age=1"),)
_IMMUTABLE = ((b"cache-control", b"public, max-age=31536000, immutable"),)


async def get_log_checkpoint(call: Call) -> Answer:
    """The newest checkpoint of the own log."""
    return _checkpoint(call.node.log)


async def get_log_tile(call: Call) -> Answer:
    """A tile or an entry bundle of the own log."""
    return _tile(call.node.log, call.path["tile"])


async def get_mirror_checkpoint(call: Call) -> Answer:
    """The newest checkpoint of a mirrored log, with this mirror's cosignatures."""
    return _checkpoint(_mirror(call))


async def get_mirror_tile(call: Call) -> Answer:
    """A tile or an entry bundle of a mirrored log."""
    return _tile(_mirror(call), call.path["tile"])


def _checkpoint(log: Any) -> Answer:
    return Answer(200, log.checkpoint(), TEXT, _MUTABLE)


def _tile(log: Any, path: str) -> Answer:
    try:
        level, index, width = parse_tile_path(f"tile/{path}")
    except BadInput as error:
        raise NotFound(f"there is no such tile: {error.message}") from None
    if level == "entries":
        return Answer(200, log.entry_bundle(index, width), BINARY, _IMMUTABLE)
    return Answer(200, log.tile(level, index, width), BINARY, _IMMUTABLE)


def _mirror(call: Call) -> Any:
    for mirror in call.node.mirrors.values():
        if mirror.prefix == call.path["origin"]:
            return mirror
    raise NotFound("no log of that origin is mirrored here")
