"""The conductor: requests and peers' messages in, one transaction and then the answers out.

It is synchronous and reads no clock but the one it is given, so that a simulation can drive it
through thousands of schedules; `inbox` and `courier` give it threads and a network. One step is

1. take in what peers say: verify, mirror, apply what is open;
2. open the log: the first statement under an agreement says so;
3. do what clients ask: check, sign, append, apply;
4. rule on own declarations that every peer has receipted, once what may cross them is open;
5. seal: a checkpoint over the new leaves, receipts for what was mirrored.

Then the caller commits `Step.writes` in one synced transaction and calls `publish`, which alone
lets anything out. A crash anywhere before the commit leaves nothing of the step; after it, all.
It knows no kind of statement: what can be asked stands in the tables `TAKEN` and `OPERATIONS`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from luftrom import limits
from luftrom.agreement.terms import Agreement
from luftrom.clock import NS_PER_S, Clock
from luftrom.config.keys import NodeKeys
from luftrom.errors import LuftromError, Unavailable, Unverified
from luftrom.exchange.message import Message
from luftrom.exchange.refused import Refused
from luftrom.exchange.sending import Position
from luftrom.exchange.verification import Learned
from luftrom.logs.fork import Fork
from luftrom.logs.head import Head
from luftrom.logs.mirror import Mirror
from luftrom.logs.own import OwnLog
from luftrom.node.desk import Desk
from luftrom.node.gate import OPEN, Gate, refusal
from luftrom.node.hearing import TAKEN, Contradicted, go_on
from luftrom.node.memory import Memory
from luftrom.node.operations import OPERATIONS
from luftrom.node.operations.agreement import open_log
from luftrom.node.operations.forks import tell_forks
from luftrom.node.operations.reopening import reopen
from luftrom.node.ruling import rule
from luftrom.node.step import Request, Step, Waiting
from luftrom.state.entities import Entities
from luftrom.state.state import State
from luftrom.statements.leaf import StatementSigner
from luftrom.store.protocol import Store

_SIGN_LATER_NS = NS_PER_S // 2             # ML-DSA-44 follows within a second, off the path


class Conductor:
    """All state of one node, computed from its store. One caller at a time."""

    def __init__(self, party: str, keys: NodeKeys, agreement: Agreement | None, store: Store,
                 clock: Clock, gate: Gate | None = None):
        self.party = party
        self.gate = gate or Gate()
        self.agreement = agreement
        self.store = store
        self.clock = clock
        self._keys = keys
        self._signer = StatementSigner(party, keys.statements)
        self._waiting: dict[int, Waiting] = {}         # by own leaf
        self._signed_ns = -_SIGN_LATER_NS
        self._signed = {p.name: Refused(p, party) for p in agreement.parties} if agreement else {}
        if agreement is not None:
            rows = store.refused()
            for signed in self._signed.values():
                signed.load(rows, agreement)
        self._forks: dict[str, Fork] = {}  # proofs that are not in the own log yet
        self.load()

    def load(self) -> None:
        """Compute everything anew: at the start, and where memory and store may differ."""
        self.memory = Memory(self.party, self._keys, self.agreement, self.store, self.clock,
                             self._signed, self.gate.promised, self._forks)

    # -- a step ------------------------------------------------------------------------------

    def step(self, requests: Sequence[Request]) -> Step:
        """Work through requests and everything that is due; nothing is shown before `publish`."""
        contradicted: list[Contradicted] = []
        self.memory.state.collect(limits.STEP_PEERS_WORK_MAX)
        while True:
            step = Step(self.clock.now_ns(), self.clock.elapsed_ns())
            try:
                self._attempt(requests, step, contradicted)
                return step
            except Contradicted as found:
                # What the peer said is half applied: forget it all and keep the proof.
                contradicted.append(found)
                if found.is_of_sender:
                    requests = [r for r in requests if r is not found.request]
                self.load()
            except Learned as learned:
                # Leaves that were applied count for nothing: all is computed without them.
                self._forks = self.memory.state.forks.known | {learned.fork.party: learned.fork}
                self.load()

    def _attempt(self, requests: Sequence[Request], step: Step,
                 contradicted: Sequence[Contradicted]) -> None:
        self.memory.drop_other_histories(step)
        for found in contradicted:
            self.memory.keep_proof(found.error, step)
            if found.request is not None and found.is_of_sender:
                step.refuse(found.request.reply, found.error)
        desk = Desk(self.memory, self._signer, step, self._waiting)
        if self.gate.stand(self.memory).is_shut:
            self._refuse(requests, step)
            return
        for request in requests:
            self._take(request, step)
        go_on(self.memory, step)
        if self.gate.stand(self.memory).state != OPEN:
            self._refuse([r for r in requests if type(r) not in TAKEN], step)
        else:
            self._work(requests, desk, step)
        self._seal(step)

    def _work(self, requests: Sequence[Request], desk: Desk, step: Step) -> None:
        """Append what is asked for and what is due."""
        open_log(desk)
        if (restored := self.gate.to_record) is not None:
            reopen(desk, restored, self.gate.texts, self.gate.lost)
            step.is_reopened = True
        tell_forks(desk)
        for request in requests:
            self._operate(request, desk)
        rule(desk)

    def _refuse(self, requests: Sequence[Request], step: Step) -> None:
        """Nobody signs blind: whoever asks is told why, and whoever waits for a ruling."""
        why = refusal(self.gate.stand(self.memory))
        waiting, self._waiting = self._waiting, {}
        for each in waiting.values():
            step.refuse_anyhow(each.reply, why)
        for request in requests:
            step.refuse_anyhow(request.reply, why)

    def _take(self, request: Request, step: Step) -> None:
        """Take in what a peer says, or keep the proof of what it should not have said.

        A refusal waits for the commit like every answer: whoever is told that it was caught finds
        the proof kept, and an attempt that is made anew answers once.
        """
        take = TAKEN.get(type(request))
        if take is None:
            return
        try:
            take(request, self.memory, step)
        except LuftromError as error:
            if isinstance(error, Unverified):
                self.memory.keep_proof(error, step)
            step.refuse(request.reply, error)

    def _operate(self, request: Request, desk: Desk) -> None:
        """An operation raises before it changes anything; then the refusal is the whole answer."""
        operate = OPERATIONS.get(type(request))
        if operate is None:
            return
        try:
            operate(request, desk)
        except LuftromError as error:
            desk.refuse_anyhow(request.reply, error)

    def _seal(self, step: Step) -> None:
        log, entities = self.memory.log, self.memory.state.entities
        time_s = step.time_ns // NS_PER_S
        mirrors = list(self.memory.mirrors.values())
        is_due = step.elapsed_ns >= self._signed_ns + _SIGN_LATER_NS
        if log.tree.size > log.size:
            step.note = log.seal(step.writes, time_s)
        if is_due and log.tree.size and log.lacks_lines:
            step.note = log.sign_later(step.note or log.note, step.writes, time_s)
        for mirror in mirrors:
            mirror.give_receipt(step.writes, time_s)
            if is_due and mirror.lacks_lines:
                mirror.sign_later(step.writes, time_s)
        if is_due:
            self._signed_ns = step.elapsed_ns
        for signed in self._signed.values():
            step.writes.refused += signed.unsaved
        step.writes.uncounted += self.memory.take_uncounted()
        rows = entities.take_dirty()
        if rows:
            step.writes.airspace += rows
            step.writes.counters.append(("revision", entities.revision))

    # -- after it ----------------------------------------------------------------------------

    def publish(self, step: Step) -> None:
        """The step is durable: show it and answer."""
        if step.note is not None:
            self.memory.log.publish(step.note)
        for mirror in self.memory.mirrors.values():
            mirror.publish()
        for signed in self._signed.values():
            signed.unsaved.clear()
        self._waiting.update(step.waiting)
        for reply, error in step.refusals:
            reply(None, error)
        for reply, result in step.answers:
            if isinstance(result, LuftromError):
                reply(None, result)
                continue
            try:
                answer = result()
            except LuftromError as error:
                reply(None, error)
            else:
                reply(answer, None)

    def fail(self, step: Step, error: LuftromError) -> None:
        """The commit failed, and may have left its rows or not: say so.

        The caller starts from the store again: what did become durable is found by `load` and
        ruled on like after a crash.
        """
        for reply, refused in step.refusals:
            reply(None, refused)
        unknown = Unavailable(f"{error.message}; whether it was recorded is not known: ask again",
                              code="not_recorded")
        waiting = [each.reply for each in step.waiting.values()]
        for reply in (*(reply for reply, _ in step.answers), *waiting):
            reply(None, unknown)

    def abandon(self, error: LuftromError) -> None:
        """Tell everybody who still waits that no answer will come."""
        waiting, self._waiting = self._waiting, {}
        for each in waiting.values():
            each.reply(None, error)

    def next_deadline_ns(self) -> int | None:
        """When a step is due without any request, in `elapsed_ns`; None if never."""
        due_ns = [] if (due := self.memory.work.due_ns()) is None else [due]
        if self.agreement is not None:
            terms, now_ns = self.agreement.silence, self.clock.elapsed_ns()
            waits_ns = [int(wait_s * NS_PER_S) for wait_s in (
                terms.after_s, terms.after_s + terms.opening_s)]
            due_ns += [each.since_ns + wait_ns for each in self._waiting.values()
                       for wait_ns in waits_ns if each.since_ns + wait_ns > now_ns]
        return min(due_ns, default=None)

    # -- what is held ------------------------------------------------------------------------

    @property
    def state(self) -> State:
        """All that follows from what is applied."""
        return self.memory.state

    @property
    def airspace(self) -> Entities:
        """What flies, as of the last step."""
        return self.memory.state.entities

    @property
    def log(self) -> OwnLog:
        """The own log."""
        return self.memory.log

    @property
    def mirrors(self) -> Mapping[str, Mirror]:
        """Peer name to the mirror of its log."""
        return self.memory.mirrors

    @property
    def counters(self) -> Mapping[str, int]:
        """Peer name to the counter of its newest message."""
        return self.memory.counters

    @property
    def broken(self) -> set[str]:
        """Peers of whom a proof is kept that breaks the channel."""
        return self.memory.broken

    def is_costly(self, peer: str) -> bool:
        """Do leaves of a peer wait, since they cost more work than is taken within a minute?"""
        return self.memory.work.is_over(peer)

    def message_to(self, peer: str, at: Position, counter: int) -> tuple[Message, Head]:
        """The message for a peer that stands at `at`, and its head, which is not signed yet."""
        return self.memory.message_to(peer, at), self.memory.head_to(peer, counter)

    @property
    def due_size(self) -> int:
        """Up to where own leaves may be opened to everybody whom they are for."""
        return self.memory.due_size
