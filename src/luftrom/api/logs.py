"""Logs as C2SP tlog-tiles: the own one under /log, mirrors under /mirror/<SHA-256 of the origin>.

A checkpoint may be kept for seconds; tiles and entry bundles never change. Entry bundles come as
gzip where the client asks for it; the hashes of a tile would not become smaller.
"""

from __future__ import annotations

import asyncio
import gzip

from starlette.responses import Response

from luftrom.api.http.call import Call
from luftrom.api.http.headers import takes_gzip
from luftrom.api.http.route import Route
from luftrom.errors import BadInput, NotFound
from luftrom.logs.mirror import Mirror
from luftrom.logs.own import OwnLog
from luftrom.transparency.merkle import parse_tile_path

_MUTABLE = {"cache-control": "max-age=1"}
_IMMUTABLE = {"cache-control": "public, max-age=31536000, immutable"}
_BYTES = "application/octet-stream"
_GZIP_LEVEL = 1                            # leaves are base64: nothing to be found but its 2 bits
_TAG = "Logs and mirrors (C2SP)"


async def get_log_checkpoint(call: Call) -> Response:
    """The newest checkpoint of the own log."""
    return _checkpoint(call.node.log)


async def get_log_tile(call: Call) -> Response:
    """A tile or an entry bundle of the own log."""
    return await _tile(call, call.node.log)


async def get_mirror_checkpoint(call: Call) -> Response:
    """The newest checkpoint of a mirrored log, with this mirror's cosignatures."""
    return _checkpoint(_mirror(call))


async def get_mirror_tile(call: Call) -> Response:
    """A tile or an entry bundle of a mirrored log."""
    return await _tile(call, _mirror(call))


def _checkpoint(log: OwnLog | Mirror) -> Response:
    return Response(log.checkpoint(), 200, _MUTABLE, "text/plain")


async def _tile(call: Call, log: OwnLog | Mirror) -> Response:
    try:
        level, index, width = parse_tile_path(f"tile/{call.path['tile']}")
    except BadInput as error:
        raise NotFound(f"there is no such tile: {error.message}") from None
    if not isinstance(level, str):
        return Response(log.tile(level, index, width), 200, _IMMUTABLE, _BYTES)
    headers = _IMMUTABLE | {"vary": "Accept-Encoding"}
    if not takes_gzip(call.headers.get("accept-encoding", "")):
        return Response(log.entry_bundle(index, width), 200, headers, _BYTES)
    # A full bundle has up to 16 MB: one at a time in memory, and beside the loop.
    async with call.doors.in_turn("gzip"):
        data = await asyncio.to_thread(
            lambda bundle: gzip.compress(bundle, _GZIP_LEVEL, mtime=0),
            log.entry_bundle(index, width))
    return Response(data, 200, headers | {"content-encoding": "gzip"}, _BYTES)


def _mirror(call: Call) -> Mirror:
    for mirror in call.node.mirrors.values():
        if mirror.prefix == call.path["origin"]:
            return mirror
    raise NotFound("no log of that origin is mirrored here")


ROUTES = (
    Route("GET", "/log/checkpoint", get_log_checkpoint, "Newest checkpoint of the log", _TAG,
          responses=((200, "text/plain"),), errors=(404,)),
    Route("GET", "/log/tile/{tile:path}", get_log_tile, "Tiles and entry bundles of the log",
          _TAG, responses=((200, _BYTES),), errors=(404,)),
    Route("GET", "/mirror/{origin}/checkpoint", get_mirror_checkpoint,
          "Newest checkpoint of a mirrored log, with this mirror's cosignatures", _TAG,
          responses=((200, "text/plain"),), errors=(404,)),
    Route("GET", "/mirror/{origin}/tile/{tile:path}", get_mirror_tile,
          "Tiles and entry bundles of a mirrored log", _TAG,
          responses=((200, _BYTES),), errors=(404,)),
)
