"""The state of a node, computed from the logs and disclosures of a store and nothing else."""

from __future__ import annotations

from luftrom.agreement.terms import Agreement
from luftrom.state.state import State
from luftrom.statements.leaf import parse_statement
from luftrom.statements.opening import open_item
from luftrom.store.protocol import Store

_LEAVES_AT_ONCE = 1_024                    # read from the store when a node starts


def load_state(store: Store, party: str, agreement: Agreement | None) -> State:
    """The state at a party, computed from the logs and disclosures of its store."""
    state = State(agreement)
    progress = state.progress
    names = [p.name for p in agreement.parties] if agreement else [party]
    left = {name: store.size(name) if name == party else store.applied(name) for name in names}
    # The log that is behind in time goes on, so that what is over is dropped on the way.
    while left := {name: end for name, end in left.items() if progress.applied.get(name, 0) < end}:
        name = min(left, key=lambda name: progress.as_of_s.get(name, 0))
        start = progress.applied.get(name, 0)
        stop = min(start + _LEAVES_AT_ONCE, left[name])
        opened = store.disclosures(name, start, stop)
        for index, leaf in enumerate(store.leaves(name, start, stop), start):
            state.apply(open_item(parse_statement(leaf), tuple(opened.get(index, ()))))
        state.collect()
    return state
