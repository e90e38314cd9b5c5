"""The desk: what an operation may do within a step. It never reaches the store or a thread."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from dataclasses import replace
from typing import Any, TypeVar

from luftrom.agreement.terms import Agreement
from luftrom.airspace.constraint import Constraint
from luftrom.airspace.intent import Intent
from luftrom.clock import NS_PER_S
from luftrom.errors import LuftromError
from luftrom.logs.mirror import Acknowledgement
from luftrom.node.memory import Memory
from luftrom.node.step import Reply, Step, Waiting
from luftrom.state.entities import Entities
from luftrom.state.record import Record
from luftrom.state.state import State
from luftrom.statements.disclosure import digests_of, make_disclosure
from luftrom.statements.kinds import KINDS
from luftrom.statements.leaf import StatementSigner
from luftrom.statements.opening import Item, ovn_of
from luftrom.statements.statement import Seen, Statement
from luftrom.store.protocol import ReceiptRow

T = TypeVar("T")


class Desk:
    """Look at the state, append statements to the own log, and say what to answer.

    `waiting` are those who wait for a ruling since an earlier step, by the leaf it is on.
    """

    def __init__(self, memory: Memory, signer: StatementSigner, step: Step,
                 waiting: MutableMapping[int, Waiting]):
        self._memory, self._signer, self._step, self._waiting = memory, signer, step, waiting

    @property
    def party(self) -> str:
        """Whose node this is."""
        return self._memory.party

    @property
    def agreement(self) -> Agreement | None:
        """The agreement in force, if there is one."""
        return self._memory.agreement

    @property
    def state(self) -> State:
        """All that follows from what is applied, this step's statements included."""
        return self._memory.state

    @property
    def entities(self) -> Entities:
        """What is declared and given notice of."""
        return self._memory.state.entities

    @property
    def time_ns(self) -> int:
        """The time of this step; what it signs bears that second."""
        return self._step.time_ns

    @property
    def as_of_s(self) -> int:
        """The time to which the own log comes with a statement of this step."""
        return self.state.progress.as_of(self.party, self.time_ns // NS_PER_S)

    def admit(self, kind: str, content: Intent | Constraint) -> None:
        """Compare what a client asks to be appended next with what is held, if it may be.

        Raises TooMuchWork if that takes more than a client is given, or than is left for all
        clients of this step; then nothing has changed.
        """
        self._step.client_work += self.entities.admit(
            self.party, kind, content, self.time_ns // NS_PER_S, self._step.client_work)

    # -- the own log -------------------------------------------------------------------------

    def append(self, kind: str, body: Any, content: Any = None) -> Item[Any, Any]:
        """Sign a statement of that kind, stage it behind the last, and apply it.

        It counts once the step is committed. Raises before anything has changed.
        """
        step, log = self._step, self._memory.log
        values = () if content is None else KINDS[kind].disclose(content)
        disclosures = tuple(make_disclosure(name, value) for name, value in zip(
            KINDS[kind].opens, values, strict=True)) if values else ()
        statement = self._signer.sign(Statement(
            party=self.party, type=kind, index=log.tree.size, iat_s=step.time_ns // NS_PER_S,
            body=body, agreement=self.agreement.digest if self.agreement else "",
            seen=self._seen() if self.agreement else {}, digests=digests_of(disclosures)))
        item: Item[Any, Any] = Item(statement, disclosures, content)
        item = replace(item, ovn=ovn_of(item, dict(zip(KINDS[kind].opens, disclosures,
                                                       strict=False))))
        self.state.mirror(statement)
        self.state.apply(item)
        log.stage(statement.leaf, disclosures, step.writes)
        step.is_urgent = step.is_urgent or not KINDS[kind].lingers
        return item

    def _seen(self) -> dict[str, Seen]:
        """How much of each peer's log is mirrored: the same for all statements of a step.

        Of one that forked, as far as anybody had seen it whose leaves are here: else what had seen
        more of it than we have could not be seen (PROTOCOL.md, 14).
        """
        if self._step.seen is None:
            forked, largest = self._memory.forked, self.state.knowledge.largest
            self._step.seen = {
                name: Seen(max(mirror.staged_size, largest(name) if name in forked else 0),
                           mirror.tree.root(mirror.staged_size),
                           mirror.head.time_s if mirror.head else 0)
                for name, mirror in self._memory.mirrors.items()}
        return self._step.seen

    def receipts_for(self, index: int) -> dict[str, ReceiptRow | None]:
        """For each peer that has not forked, the first receipt that covers an own leaf, or None."""
        return {name: mirror.receipt_for(index) for name, mirror in self._memory.mirrors.items()
                if name not in self._memory.forked}

    def acknowledging(self, peer: str, index: int, least: int) -> Acknowledgement | None:
        """A peer's first head that says that an own leaf is open to it (`Mirror.acknowledging`)."""
        return self._memory.mirrors[peer].acknowledging(index, least)

    def opened(self, peer: str) -> int:
        """How many leaves of a peer's log are applied."""
        return self._memory.mirrors[peer].applied

    @property
    def forked_opened(self) -> dict[str, int]:
        """Of each peer that forked, how many leaves of its log are applied."""
        return {name: mirror.applied for name, mirror in self._memory.mirrors.items()
                if name in self._memory.forked}

    def forget_receipts(self, index: int) -> None:
        """No own declaration before leaf `index` waits any more."""
        for mirror in self._memory.mirrors.values():
            mirror.forget_receipts(index)

    # -- answers -----------------------------------------------------------------------------

    def then(self, reply: Reply[T], result: Callable[[], T]) -> None:
        """After the commit, reply with what `result` returns by then."""
        self._step.then(reply, result)

    def refuse(self, reply: Reply[Any], error: LuftromError) -> None:
        """After the commit, reply that it was refused."""
        self._step.refuse(reply, error)

    def refuse_anyhow(self, reply: Reply[Any], error: LuftromError) -> None:
        """Reply that nothing was done, whatever becomes of the step."""
        self._step.refuse_anyhow(reply, error)

    def keep_answer(self, key: str, digest: bytes, answer: bytes) -> None:
        """Keep what was answered to a request that bore an idempotency key."""
        self._step.writes.answers.append((key, digest, answer))

    # -- rulings that are waited for ---------------------------------------------------------

    @property
    def waiting(self) -> int:
        """How many wait for a ruling."""
        return len(self._waiting) + len(self._step.waiting)

    def wait(self, index: int, reply: Reply[Any]) -> None:
        """Reply when the own leaf `index` is ruled on."""
        self._step.waiting[index] = Waiting(reply, self._step.elapsed_ns)

    def is_late(self, record: Record, after_s: float) -> bool:
        """Is the time up within which the own declaration should have been receipted?"""
        waiting = self._waiting.get(record.index) or self._step.waiting.get(record.index)
        if waiting:
            return self._step.elapsed_ns >= waiting.since_ns + after_s * NS_PER_S
        # Nobody waits: declared before a restart. Its own time stands in for the deadline.
        return self._step.time_ns >= record.iat_s * NS_PER_S + after_s * NS_PER_S

    def wait_anew(self, index: int, after_s: float) -> None:
        """Count the time of whoever waits for that ruling as if `after_s` had just passed."""
        for held in (self._waiting, self._step.waiting):
            if index in held:
                since_ns = self._step.elapsed_ns - int(after_s * NS_PER_S)
                held[index] = replace(held[index], since_ns=since_ns)

    def take_reply(self, index: int) -> Reply[Any]:
        """The reply to whoever waits for the ruling on that leaf, who waits no more."""
        waiting = self._waiting.pop(index, None) or self._step.waiting.pop(index, None)
        return waiting.reply if waiting else _nobody


def _nobody(result: object, error: LuftromError | None) -> None:
    """Whoever asked is gone: declared before a restart."""
