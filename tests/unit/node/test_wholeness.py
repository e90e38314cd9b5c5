"""node.wholeness: what two honest nodes hold is whole, whichever of their keys have signed."""

from __future__ import annotations

import pytest

from holdings import ALFA, BRAVO, Pair, play
from luftrom.logs.signed import verify_party_checkpoint
from luftrom.node.step import Request
from luftrom.node.wholeness import examine


@pytest.mark.parametrize("post_quantum", [False, True])
def test_what_honest_nodes_hold_is_whole(post_quantum: bool) -> None:
    pair = play(Pair(post_quantum=post_quantum))
    follow: list[Request] = []
    for name in (ALFA, BRAVO):
        for _ in range(3):                 # a second and more: ML-DSA-44 follows
            pair.step(name, *follow)
    lines = {name: pair.stores[name].given(peer)[1].count(b"\n")
             for name, peer in ((ALFA, BRAVO), (BRAVO, ALFA))}
    for name in (ALFA, BRAVO):
        party = pair.agreement.party(name)
        found = examine(pair.stores[name], party, pair.agreement)
        assert (found.faults, found.lost) == ((), ())
        note = pair.stores[name].checkpoint(name)[1]
        assert verify_party_checkpoint(note, party).size == pair.stores[name].size(name)
    assert set(lines.values()) == ({2} if post_quantum else {1})
