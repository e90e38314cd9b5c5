"""Node to node: exchange, and C2SP tlog-mirror's submission of a log's checkpoint and entries."""

from __future__ import annotations

import asyncio

from starlette.responses import Response

from luftrom import limits
from luftrom.api.http.call import NO_STORE, Call
from luftrom.api.http.route import Route
from luftrom.api.http.standing import vouch
from luftrom.errors import LuftromError
from luftrom.exchange.message import CONTENT_TYPE
from luftrom.exchange.returning import CONTENT_TYPE as PAGE_CONTENT_TYPE
from luftrom.exchange.word import CONTENT_TYPE as ASK_CONTENT_TYPE
from luftrom.logs.head import HEAD_HEADER
from luftrom.logs.submission import MIRROR_INFO_TYPE, Elsewhere, Partial

_ENCODINGS = {"accept-encoding": "gzip"}   # tlog-mirror: what the next upload may come in


async def exchange(call: Call) -> Response:
    """A peer's message in, ours out. Strangers are turned away before their body is read."""
    admitted = call.node.admit(call.headers.get(HEAD_HEADER))
    vouch(call.request.scope)
    body = await call.body(limits.EXCHANGE_BODY_BYTES_MAX)
    answer, signed = await call.node.exchange_in(body, admitted)
    return Response(answer, 200, NO_STORE | {HEAD_HEADER: signed}, CONTENT_TYPE)


async def word(call: Call) -> Response:
    """What we hold of the log of the peer that asks, signed; it may bind us (`node.words`)."""
    said = await call.node.word(await call.body(limits.ASK_BYTES_MAX))
    return Response(said, 200, NO_STORE, ASK_CONTENT_TYPE)


async def disclosures(call: Call) -> Response:
    """A page of what is open here of the log of the peer that asks: for whoever lost it."""
    page = call.node.disclosures(await call.body(limits.ASK_BYTES_MAX))
    return Response(page, 200, NO_STORE, PAGE_CONTENT_TYPE)


async def add_checkpoint(call: Call) -> Response:
    """C2SP tlog-witness `add-checkpoint`, as tlog-mirror uses it."""
    body = await call.body(limits.NOTE_BYTES_MAX + 64 * limits.PROOF_HASHES_MAX)
    try:
        await call.node.add_checkpoint(body)
    except Elsewhere as error:
        return _elsewhere_answer(error)
    return Response(b"", media_type="text/plain")


async def add_entries(call: Call) -> Response:
    """C2SP tlog-mirror `add-entries`: cosignature lines, or what is still needed.

    Anybody may upload; the budget of strangers' bodies bounds all uploads together.
    """
    try:
        async with asyncio.timeout(limits.UPLOAD_S_MAX):
            body = await call.body(limits.UPLOAD_BYTES_MAX)
    except TimeoutError:
        raise LuftromError(f"the upload took more than {limits.UPLOAD_S_MAX:.0f} s; send fewer "
                           "packages at once", code="too_slow", status=408) from None
    try:
        taken = await call.node.add_entries(body)
    except Elsewhere as error:
        return _elsewhere_answer(error)
    if isinstance(taken, Partial):
        return Response(taken.body(), 202,
                        NO_STORE | _ENCODINGS | {"content-type": MIRROR_INFO_TYPE})
    return Response(taken.body(), 200, NO_STORE | _ENCODINGS, "text/plain")


def _elsewhere_answer(error: Elsewhere) -> Response:
    """The answer of the specification; refusals that it gives no body for are ours."""
    return Response(error.body, error.status,
                    NO_STORE | _ENCODINGS | {"content-type": error.content_type})


ROUTES = (
    Route("POST", "/exchange", exchange,
          "A message of a peer's node, signed in the header Luftrom-Head", "Node to node",
          request="application/vnd.luftrom.exchange",
          responses=((200, "application/vnd.luftrom.exchange"),), errors=(401, 403, 409, 422)),
    Route("POST", "/exchange/word", word,
          "What is held of the asking peer's log, asked for and answered under the channel keys",
          "Node to node", request=ASK_CONTENT_TYPE, responses=((200, ASK_CONTENT_TYPE),),
          errors=(401, 403)),
    Route("POST", "/exchange/disclosures", disclosures,
          "What is open here of the asking peer's own log, a page at a time", "Node to node",
          request=ASK_CONTENT_TYPE, responses=((200, PAGE_CONTENT_TYPE),),
          errors=(401, 403, 409)),
    Route("POST", "/mirror/add-checkpoint", add_checkpoint, "tlog-mirror add-checkpoint",
          "Logs and mirrors (C2SP)", request="text/plain", responses=((200, "text/plain"),),
          errors=(403, 404, 409, 422)),
    Route("POST", "/mirror/add-entries", add_entries, "tlog-mirror add-entries",
          "Logs and mirrors (C2SP)", request="application/octet-stream",
          responses=((200, "text/plain"), (202, "text/x.tlog.mirror-info")),
          errors=(403, 404, 409, 422)),
)
