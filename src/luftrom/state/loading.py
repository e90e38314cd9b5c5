"""The state of a node, computed from the logs and disclosures of a store and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from luftrom.agreement.terms import Agreement
from luftrom.errors import Unavailable
from luftrom.logs.fork import Fork
from luftrom.state.forks import Forks, Told
from luftrom.state.record import LOST_CONTENT
from luftrom.state.state import State
from luftrom.statements.kinds import KINDS
from luftrom.statements.kinds.forked import fork_told, is_forked
from luftrom.statements.leaf import parse_statement
from luftrom.statements.opening import Item, open_or_void
from luftrom.statements.statement import Statement
from luftrom.store.protocol import Store

_LEAVES_AT_ONCE = 1_024                    # read from the store when a node starts


def load_state(store: Store, party: str, agreement: Agreement | None,
               forks: Mapping[str, Fork] | None = None) -> State:
    """The state at a party, computed from the logs and disclosures of its store.

    Leaves are read in the order of knowledge. Raises Unavailable where a log lacks what another
    party's had seen of it. `forks` are those whose proof is no statement that is held here yet.
    """
    known = dict(forks or {})
    while isinstance(found := _read_all(store, State(agreement, party, Forks(known))), Fork):
        known[found.party] = found         # its leaves counted as far as they were read
    return found


def _read_all(store: Store, state: State) -> State | Fork:
    """The state once all is read; or, at once, a fork that it should have known from the start."""
    party, agreement = state.party, state.agreement
    names = [p.name for p in agreement.parties] if agreement else [party]
    logs = {name: _Log(store, name, state) for name in names}
    while left := [log for log in logs.values() if log.next is not None]:
        # The log that is behind in time goes on, so that what is over is dropped on the way.
        left.sort(key=lambda log: state.progress.as_of_s.get(log.name, 0))
        is_stuck = not any([_read_on(log, state) for log in left])
        # Of several the one that ends it first: all is read anew for it, once.
        fork = min(state.news, key=lambda fork: fork.end, default=None)
        if fork is None and is_stuck:
            fork = _fork_ahead(left, state)
        if fork is not None:
            return fork
        if is_stuck:
            log = next((log for log in left if log.name == party), left[0])
            if log.name != party:
                raise Unavailable(f"the store lacks leaves that leaf {log.index} of {log.name} had "
                                  "seen: it is no whole copy; restore it from the peers")
            # The own log came back before what it had seen: that is fetched behind the gate.
            _read_on(log, state, until=log.index + 1)
        state.collect()
    return state


def told_forks(store: Store, party: str, agreement: Agreement | None) -> Mapping[str, Told]:
    """Whom a party's log tells to have forked, behind which leaf, and since when."""
    forks = Forks()
    for start in range(0, store.size(party), _LEAVES_AT_ONCE):
        for leaf in store.leaves(party, start, start + _LEAVES_AT_ONCE):
            statement = parse_statement(leaf) if is_forked(leaf) else None
            if statement is not None and fork_told(statement, agreement) is not None:
                forks.note(statement)
    return forks.told_by(party)


class _Log:
    """One log of a store, read leaf by leaf."""

    def __init__(self, store: Store, name: str, state: State):
        self.name, self._store = name, store
        checkpoint = store.checkpoint(name)
        if name == state.party:
            size = self.applied = store.size(name)
        else:
            size = state.forks.counted(name, checkpoint[0] if checkpoint else 0)
            self.applied = min(size, store.applied(name))
        self._size = size
        self._rows = _rows(store, name, size)
        self.next = next(self._rows, None)

    def rest(self) -> Iterator[tuple[Statement[Any], tuple[bytes, ...]]]:
        """All that is not read yet, which stays so."""
        return _rows(self._store, self.name, self._size, self.index)

    @property
    def index(self) -> int:
        """The leaf that is read next."""
        return self.next[0].index if self.next else 0

    def advance(self) -> None:
        """On to the leaf behind it."""
        self.next = next(self._rows, None)


def _rows(store: Store, name: str, size: int, first: int = 0
          ) -> Iterator[tuple[Statement[Any], tuple[bytes, ...]]]:
    for start in range(first, size, _LEAVES_AT_ONCE):
        stop = min(start + _LEAVES_AT_ONCE, size)
        opened = store.disclosures(name, start, stop)
        for index, leaf in enumerate(store.leaves(name, start, stop), start):
            yield parse_statement(leaf), tuple(opened.get(index, ()))


def _fork_ahead(logs: Sequence[_Log], state: State) -> Fork | None:
    """A fork that is told of behind a statement which had seen the other history."""
    for log in logs:
        for statement, _ in log.rest():
            fork = fork_told(statement, state.agreement)
            if fork is not None and state.forks.is_news(fork):
                return fork
    return None


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
