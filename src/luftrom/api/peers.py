"""Node to node: exchange, and C2SP tlog-mirror's submission of a log's checkpoint and entries."""

from __future__ import annotations

import asyncio

from luftrom import limits
from luftrom.api.http.call import NO_STORE, TEXT, Answer, Call
from luftrom.errors import Unavailable
from luftrom.exchange.message import CONTENT_TYPE
from luftrom.exchange.signature import SIGNATURE_HEADER
from luftrom.logs.submission import MIRROR_INFO_TYPE, Elsewhere, Partial

UPLOAD_S_MAX = 60.0
_SIGNATURE = SIGNATURE_HEADER.lower().encode()


async def exchange(call: Call) -> Answer:
    """A peer's message in, ours out. Strangers are turned away before their body is read."""
    header = call.headers.get(_SIGNATURE)
    signature = None if header is None else header.decode("latin-1")
    admitted = call.node.admit(signature)
    body = await call.body(limits.EXCHANGE_BODY_BYTES_MAX)
    answer, signed = await call.node.exchange_in(body, admitted)
    return Answer(200, answer, CONTENT_TYPE.encode(), ((_SIGNATURE, signed.encode()), NO_STORE))


async def add_checkpoint(call: Call) -> Answer:
    """C2SP tlog-witness `add-checkpoint`, as tlog-mirror uses it."""
    body = await call.body(limits.NOTE_BYTES_MAX + 64 * limits.PROOF_HASHES_MAX)
    try:
        await call.node.add_checkpoint(body)
    except Elsewhere as error:
        return _elsewhere_answer(error)
    return Answer(200, b"", TEXT)


async def add_entries(call: Call) -> Answer:
    """C2SP tlog-mirror `add-entries`: cosignature lines, or what is still needed.

    Anybody may upload, so one upload at a time is in memory, and not for ever.
    """
    try:
        async with asyncio.timeout(UPLOAD_S_MAX), call.app.in_turn("add-entries"):
            body = await call.body(limits.EXCHANGE_BODY_BYTES_MAX)
    except TimeoutError:
        raise Unavailable(f"the upload took more than {UPLOAD_S_MAX:.0f} s, or waited that long "
                          "for another one") from None
    try:
        taken = await call.node.add_entries(body)
    except Elsewhere as error:
        return _elsewhere_answer(error)
    if isinstance(taken, Partial):
        return Answer(202, taken.body(), MIRROR_INFO_TYPE.encode(), (NO_STORE,))
    return Answer(200, taken.body(), TEXT)


def _elsewhere_answer(error: Elsewhere) -> Answer:
    """The answer of the specification; refusals that it gives no body for are ours."""
    return Answer(error.status, error.body, error.content_type.encode(), (NO_STORE,))
