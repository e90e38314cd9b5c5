"""What is told of forks: each node says in its own log which proofs it goes by, at once."""

from __future__ import annotations

from luftrom.node.desk import Desk
from luftrom.statements.kinds.forked import KIND as FORKED


def tell_forks(desk: Desk) -> None:
    """Sign each proof that is known and not told yet: what is signed behind it goes by it."""
    told = desk.state.forks.told_by(desk.party)
    for party, fork in sorted(desk.state.forks.known.items()):
        if party != desk.party and (party not in told or fork.end < told[party].end):
            desk.append(FORKED.name, fork)
