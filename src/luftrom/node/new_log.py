"""A new log of a party (`agreement.NewLog`): what was proven of the log before breaks no channel.

Proofs are kept for good. Those that were there when the agreement with the new log was taken up
are about the log before it; what is proven from then on is about the new one.
"""

from __future__ import annotations

from collections.abc import Iterator

from luftrom.agreement.party import NewLog
from luftrom.agreement.terms import Agreement
from luftrom.clock import NS_PER_S, Clock
from luftrom.config.keys import NodeKeys
from luftrom.logs.mirror import Mirror
from luftrom.node.evidence import breaks_channel
from luftrom.store.protocol import Store, Writes


def taken_up_row(party: str, log: NewLog) -> str:
    """The counter that says how many proofs against a party were kept when its new log was taken
    up, and one more."""
    return f"log {log.number} {party}"


def take_up_new_logs(store: Store, party: str, agreement: Agreement | None, keys: NodeKeys,
                     clock: Clock) -> None:
    """Go by each new log from now on, and cosign what it takes over; the second time changes
    nothing. The store was examined before.
    """
    kept, writes = [name for name, _, _ in store.proofs()], Writes()
    for each in agreement.parties if agreement else ():
        if each.new_log is None or store.counter(row := taken_up_row(each.name, each.new_log)):
            continue
        writes.counters.append((row, kept.count(each.name) + 1))
        if each.name != party and store.given(each.name):
            Mirror(store, each, keys.mirror).renew_receipt(writes, clock.now_ns() // NS_PER_S)
    if not writes.is_empty():
        store.commit(writes)


def broken_channels(store: Store, agreement: Agreement | None) -> set[str]:
    """The parties of whose log two histories, or what else breaks a channel, are proven."""
    return {name for name, kind in proofs_that_count(store, agreement) if breaks_channel(kind)}


def proofs_that_count(store: Store, agreement: Agreement | None) -> Iterator[tuple[str, str]]:
    """(party, kind) of the proofs that are about the log that the party goes on with."""
    left = {party.name: store.counter(taken_up_row(party.name, party.new_log)) - 1
            for party in (agreement.parties if agreement else ()) if party.new_log}
    for name, kind, _ in store.proofs():
        if left.get(name, 0) > 0:
            left[name] -= 1
        else:
            yield name, kind
