"""The state of a node, computed from the logs and disclosures of a store and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from luftrom.agreement.terms import Agreement
from luftrom.errors import Unavailable
from luftrom.state.record import LOST_CONTENT
from luftrom.state.state import State
from luftrom.statements.kinds import KINDS
from luftrom.statements.leaf import parse_statement
from luftrom.statements.opening import Item, open_or_void
from luftrom.statements.statement import Statement
from luftrom.store.protocol import Store

_LEAVES_AT_ONCE = 1_024                    # read from the store when a node starts


def load_state(store: Store, party: str, agreement: Agreement | None) -> State:
    """The state at a party, computed from the logs and disclosures of its store.

    Leaves are read in the order of knowledge. Raises Unavailable where a log lacks what another
    party's had seen of it.
    """
    state = State(agreement, party)
    names = [p.name for p in agreement.parties] if agreement else [party]
    logs = {name: _Log(store, name, name == party) for name in names}
    while left := [log for log in logs.values() if log.next is not None]:
        # The log that is behind in time goes on, so that what is over is dropped on the way.
        left.sort(key=lambda log: state.progress.as_of_s.get(log.name, 0))
        if not any([_read_on(log, state) for log in left]):
            log = next((log for log in left if log.name == party), left[0])
            if log.name != party:
                raise Unavailable(f"the store lacks leaves that leaf {log.index} of {log.name} had "
                                  "seen: it is no whole copy; restore it from the peers")
            # The own log came back before what it had seen: that is fetched behind the gate.
            _read_on(log, state, until=log.index + 1)
        state.collect()
    return state


class _Log:
    """One log of a store, read leaf by leaf."""

    def __init__(self, store: Store, name: str, is_own: bool):
        self.name = name
        checkpoint = store.checkpoint(name)
        size = store.size(name) if is_own else checkpoint[0] if checkpoint else 0
        self.applied = size if is_own else store.applied(name)
        self._rows = _rows(store, name, size)
        self.next = next(self._rows, None)

    @property
    def index(self) -> int:
        """The leaf that is read next."""
        return self.next[0].index if self.next else 0

    def advance(self) -> None:
        """On to the leaf behind it."""
        self.next = next(self._rows, None)


def _rows(store: Store, name: str, size: int
          ) -> Iterator[tuple[Statement[Any], tuple[bytes, ...]]]:
    for start in range(0, size, _LEAVES_AT_ONCE):
        stop = min(start + _LEAVES_AT_ONCE, size)
        opened = store.disclosures(name, start, stop)
        for index, leaf in enumerate(store.leaves(name, start, stop), start):
            yield parse_statement(leaf), tuple(opened.get(index, ()))


def _opened(statement: Statement[Any], disclosures: tuple[bytes, ...], me: str
            ) -> Item[Any, Any]:
    """What is open is applied as that; what its author has not any more is void."""
    kind = KINDS[statement.type]
    if kind.must_open and not disclosures and kind.audience(statement).includes(me):
        return Item(statement, void=LOST_CONTENT)
    return open_or_void(statement, disclosures)


def _read_on(log: _Log, state: State, until: int = 0) -> int:
    """Take in leaves of a log until one speaks of what is not read yet; how many were taken.

    Those before leaf `until` are taken whatever they speak of.
    """
    count = 0
    while log.next is not None and count < _LEAVES_AT_ONCE:
        statement, disclosures = log.next
        if statement.index >= until and not state.knowledge.covers(statement):
            break
        state.mirror(statement)
        if statement.index < log.applied:
            state.apply(_opened(statement, disclosures, state.party))
        elif disclosures:
            state.open(log.name, statement.index, disclosures)
        log.advance()
        count += 1
    return count
