"""Logs as C2SP tlog-tiles: the own one under /log, mirrors under /mirror/<SHA-256 of the origin>.

A checkpoint may be kept for seconds; tiles and entry bundles never change.
"""

from __future__ import annotations

from starlette.responses import Response

from luftrom.api.http.call import Call
from luftrom.api.http.route import Route
from luftrom.errors import BadInput, NotFound
from luftrom.logs.mirror import Mirror
from luftrom.logs.own import OwnLog
from luftrom.transparency.merkle import parse_tile_path

_MUTABLE = {"cache-control": "max-age=1"}
_IMMUTABLE = {"cache-control": "public, max-age=31536000, immutable"}
_TAG = "Logs and mirrors (C2SP)"


async def get_log_checkpoint(call: Call) -> Response:
    """The newest checkpoint of the own log."""
    return _checkpoint(call.node.log)


async def get_log_tile(call: Call) -> Response:
    """A tile or an entry bundle of the own log."""
    return _tile(call.node.log, call.path["tile"])


async def get_mirror_checkpoint(call: Call) -> Response:
    """The newest checkpoint of a mirrored log, with this mirror's cosignatures."""
    return _checkpoint(_mirror(call))


async def get_mirror_tile(call: Call) -> Response:
    """A tile or an entry bundle of a mirrored log."""
    return _tile(_mirror(call), call.path["tile"])


def _checkpoint(log: OwnLog | Mirror) -> Response:
    return Response(log.checkpoint(), 200, _MUTABLE, "text/plain")


def _tile(log: OwnLog | Mirror, path: str) -> Response:
    try:
        level, index, width = parse_tile_path(f"tile/{path}")
    except BadInput as error:
        raise NotFound(f"there is no such tile: {error.message}") from None
    data = (log.entry_bundle(index, width) if isinstance(level, str)
            else log.tile(level, index, width))
    return Response(data, 200, _IMMUTABLE, "application/octet-stream")


def _mirror(call: Call) -> Mirror:
    for mirror in call.node.mirrors.values():
        if mirror.prefix == call.path["origin"]:
            return mirror
    raise NotFound("no log of that origin is mirrored here")


ROUTES = (
    Route("GET", "/log/checkpoint", get_log_checkpoint, "Newest checkpoint of the log", _TAG,
          responses=((200, "text/plain"),), errors=(404,)),
    Route("GET", "/log/tile/{tile:path}", get_log_tile, "Tiles and entry bundles of the log",
          _TAG, responses=((200, "application/octet-stream"),), errors=(404,)),
    Route("GET", "/mirror/{origin}/checkpoint", get_mirror_checkpoint,
          "Newest checkpoint of a mirrored log, with this mirror's cosignatures", _TAG,
          responses=((200, "text/plain"),), errors=(404,)),
    Route("GET", "/mirror/{origin}/tile/{tile:path}", get_mirror_tile,
          "Tiles and entry bundles of a mirrored log", _TAG,
          responses=((200, "application/octet-stream"),), errors=(404,)),
)
