"""The state of a node, computed from the logs and disclosures of a store and nothing else."""

from __future__ import annotations

from luftrom.agreement.terms import Agreement
from luftrom.state.entities import Entities
from luftrom.statements.opening import Item, open_item
from luftrom.statements.statement import parse_statement
from luftrom.store.protocol import Store

_LEAVES_AT_ONCE = 1_024                    # read from the store when a node starts


def load_airspace(store: Store, party: str, agreement: Agreement | None,
                  closed: set[int]) -> Entities:
    """The airspace, computed from the logs and disclosures of a store and nothing else.

    The own leaves that are closed to peers are added to `closed`.
    """
    airspace = Entities(agreement)
    names = [p.name for p in agreement.parties] if agreement else [party]
    left = {name: store.size(name) if name == party else store.applied(name) for name in names}
    # The log that is behind in time goes on, so that what is over is dropped on the way.
    while left := {name: end for name, end in left.items() if airspace.applied.get(name, 0) < end}:
        name = min(left, key=lambda name: airspace.as_of_s.get(name, 0))
        start = airspace.applied.get(name, 0)
        stop = min(start + _LEAVES_AT_ONCE, left[name])
        opened = store.disclosures(name, start, stop)
        for index, leaf in enumerate(store.leaves(name, start, stop), start):
            item: Item = open_item(parse_statement(leaf), tuple(opened.get(index, ())))
            airspace.apply(item.statement, item.intent, item.notice, item.ovn)
            if name == party and item.statement.type == "notification":
                closed.add(index)
        airspace.collect()
    return airspace
