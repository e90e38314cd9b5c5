"""Comparing histories: what a peer holds of a log, where that is not what is held here.

In goes a refusal that says so; out comes the proof of a fork, if there is one: the checkpoint that
the peer shows, and of its tree a few tiles, lead to the first leaf in which the two histories
differ. What the peer shows is believed in nothing: the proof is verified like everybody's.
"""

from __future__ import annotations

from functools import partial

from luftrom import limits
from luftrom.agreement.party import Party
from luftrom.errors import LuftromError, OtherHistory, Unavailable, Unverified
from luftrom.logs.fork import Fork, Lacking, find_fork
from luftrom.logs.mirror import Mirror
from luftrom.node.inbox import Inbox
from luftrom.node.restoring import FetchTransport
from luftrom.transparency.merkle import HASH_BYTES, TILE_WIDTH

_TILES_MAX = 64                            # two of each level for both ends: 16 are the most


def suspect_of(error: LuftromError) -> str | None:
    """The party that may have signed two histories, if a refusal tells of that."""
    if isinstance(error, OtherHistory):
        return error.party
    if isinstance(error, Unverified) and error.evidence is not None:
        return error.evidence.party
    return None


async def compare(peer: Party, mirror: Mirror, inbox: Inbox, transport: FetchTransport
                  ) -> Fork | None:
    """The proof that a log is another one at a peer than here, or None.

    The log may be the peer's own. Raises Unavailable or Unverified where nothing was shown that
    proves it.
    """
    log = "/log" if peer.name == mirror.party else f"/mirror/{mirror.prefix}"
    shown = await _fetch(transport, f"{peer.base_url}{log}", "checkpoint", limits.NOTE_BYTES_MAX)
    tiles: dict[str, bytes] = {}
    while len(tiles) < _TILES_MAX:
        try:
            return await inbox.apart(partial(find_fork_of, mirror, shown, dict(tiles)))
        except Lacking as lacking:
            tiles[lacking.path] = await _fetch(transport, f"{peer.base_url}{log}", lacking.path,
                                               TILE_WIDTH * HASH_BYTES)
    raise Unverified(f"{peer.name} shows a tree of {mirror.party} that leads nowhere")


def find_fork_of(mirror: Mirror, shown: bytes, tiles: dict[str, bytes]) -> Fork | None:
    """`find_fork` between what is held here, mirrored or uploaded, and what is shown elsewhere."""
    notes = [mirror.note, mirror.pending[1] if mirror.is_pending_whole else b""]
    found = (find_fork(mirror.peer, mirror.tree, note, shown, tiles) for note in notes if note)
    return next((fork for fork in found if fork is not None), None)


async def _fetch(transport: FetchTransport, log_url: str, path: str, bytes_max: int) -> bytes:
    status, body = await transport.fetch(log_url, f"/{path}", bytes_max)
    if status != 200:
        raise Unavailable(f"{log_url}/{path} answers {status}")
    return body
