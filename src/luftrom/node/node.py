"""The node: doors to read and to ask at, for the edges.

What is read is as of the last step; what is asked waits in the inbox for the next. One task works
through steps, and one a peer carries messages.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TypeVar

from luftrom import limits
from luftrom.agreement.terms import Agreement
from luftrom.airspace.constraint import Constraint
from luftrom.airspace.intent import Intent
from luftrom.airspace.suggestions import KINDS, Bounds, Suggestion, search
from luftrom.clock import Clock
from luftrom.config.keys import NodeKeys
from luftrom.errors import Conflict, LuftromError, TooMuchWork
from luftrom.geometry.allowance import Allowance
from luftrom.geometry.volume import Volume4D
from luftrom.logs.head import Head
from luftrom.logs.mirror import Mirror
from luftrom.logs.own import OwnLog
from luftrom.logs.submission import Held, Partial
from luftrom.node.channel import Channel
from luftrom.node.conductor import Conductor
from luftrom.node.courier import Courier, Transport
from luftrom.node.gate import OPEN, Gate, Gated
from luftrom.node.hearing import AddCheckpoint, AddEntries
from luftrom.node.inbox import Inbox
from luftrom.node.operations.answers import Remember
from luftrom.node.operations.constraints import GiveNotice, WithdrawNotice
from luftrom.node.operations.notifications import Notify
from luftrom.node.operations.operational_intents import Declare, Withdraw
from luftrom.node.ruling import Outcome, outcome
from luftrom.node.step import Step
from luftrom.node.words import WordKeeper
from luftrom.state.entities import Entities
from luftrom.state.record import Record
from luftrom.state.rulings import obstacles
from luftrom.store.protocol import Store

_LOG = logging.getLogger("luftrom.node")

T = TypeVar("T")
_END = object()


class Node:
    """One party's node. Reads are plain attributes; `settled` waits until they are durable.

    `gate` says whether it signs; `note` is told how large the own log is, once that is durable.
    """

    def __init__(self, party: str, keys: NodeKeys, agreement: Agreement | None, store: Store,
                 clock: Clock, transport: Transport | None = None, gate: Gate | None = None,
                 note: Callable[[int], None] | None = None):
        self.party = party
        self.agreement = agreement
        self.clock = clock
        self.keys = keys
        self._store = store
        self._conductor = Conductor(party, keys, agreement, store, clock, gate)
        self._keeper = WordKeeper(party, keys, agreement, clock)
        self._note = note
        self._inbox = Inbox(self._conductor, store, clock, self._published, self._asked)
        self._courier = Courier(party, keys, agreement, clock, self._conductor, self._inbox,
                                transport)
        self._news: asyncio.Future[None] | None = None
        self._shown = self._now_shown()
        self._counts = self.airspace.counts()

    async def start(self) -> None:
        """Begin to work; returns at once."""
        self._inbox.start()
        self._courier.start()

    async def stop(self) -> None:
        """Let the running step finish, then stop. Whoever still waits is told so."""
        await self._inbox.stop()
        await self._courier.stop()
        self._inbox.close()
        self._tell()

    def _now_shown(self) -> tuple[int, int, int]:
        return self.log.size, self._conductor.due_size, self.airspace.revision

    def _published(self, step: Step) -> None:
        """A step is durable: peers are sent what it says, and readers are told."""
        (size, due, revision), self._shown = self._shown, self._now_shown()
        self._courier.watch()
        self._mark(step, size)
        if self.log.size > size or self._conductor.due_size > due:
            self._courier.call_all(step.is_urgent)
        if self.airspace.revision != revision:
            self._tell()

    def _mark(self, step: Step, size: int) -> None:
        """Say beside the database how far the log is: what fails here costs the next start doubts.

        `size` is that of the log before the step.
        """
        try:
            if self._note is not None and self.log.size > size:
                self._note(self.log.size)
            if step.is_reopened:
                self._conductor.gate.settle()
        except LuftromError as error:
            _LOG.warning("%s; the next start may ask what peers hold before it signs", error)

    async def _asked(self) -> None:
        await self._courier.asked()
        if (gated := self.wholeness).state != OPEN:
            _LOG.warning("this node signs nothing now (%s): %s. Mend: %s", gated.state,
                         "; ".join(gated.reasons), gated.mend)

    def _tell(self) -> None:
        if self._news is not None:
            self._news.set_result(None)
            self._news = None

    # -- reading -----------------------------------------------------------------------------

    @property
    def airspace(self) -> Entities:
        """What flies, as of the last step."""
        return self._conductor.airspace

    @property
    def log(self) -> OwnLog:
        """The own log, as far as it is published."""
        return self._conductor.log

    @property
    def mirrors(self) -> Mapping[str, Mirror]:
        """Peer name to the mirror of its log."""
        return self._conductor.mirrors

    @property
    def gate(self) -> Gate:
        """What says whether this node signs."""
        return self._conductor.gate

    @property
    def wholeness(self) -> Gated:
        """Whether this node signs, and if not why, and what to do."""
        return self._conductor.gate.stand(self._conductor.memory)

    def outcome(self, record: Record) -> Outcome:
        """What became of a ruled declaration."""
        return outcome(self.airspace, record)

    def unacknowledged(self, record: Record) -> tuple[str, ...]:
        """Peers that were silent when it was accepted and are not known to hold it by now."""
        silent = record.ruling.unacknowledged if record.ruling else ()
        return tuple(name for name in silent if name != self.party and not (
            record.party == self.party and name in self.mirrors
            and self.mirrors[name].receipt_size > record.index))

    def channels(self) -> list[Channel]:
        """The links to all peers, as they stand now."""
        return self._courier.channels()

    def proofs(self) -> list[tuple[str, str, bytes]]:
        """Kept evidence of misbehaviour: (party, kind, document)."""
        return self._store.proofs()

    def remembered(self, key: str) -> tuple[bytes, bytes] | None:
        """The digest of the request and the answer kept under a key, or None."""
        return self._store.answer(key)

    async def suggestions(self, refused: Record) -> tuple[list[Suggestion], int]:
        """What is free instead of an own refused declaration, and the time of that, in ns.

        Others are served after each question, so all that was found is asked about again at once.
        A kind whose search takes more than its part of SUGGESTIONS_WORK_MAX is left out.
        """
        part = limits.SUGGESTIONS_WORK_MAX / len(KINDS)

        def in_the_way(volumes: Sequence[Volume4D], allowance: Allowance
                       ) -> Mapping[int, Sequence[Volume4D]]:
            return obstacles(self.airspace, refused, volumes, allowance)

        def is_free(each: Suggestion) -> bool:
            try:
                return not in_the_way(each.volumes, Allowance(part))
            except TooMuchWork:            # others were declared there meanwhile
                return False

        def still_free() -> tuple[list[Suggestion], int]:
            if self.airspace.foreign(refused.entity_id, self.party) is not None:
                return [], self.clock.now_ns()   # nothing is, under another party's identifier
            return [each for each in found if is_free(each)], self.clock.now_ns()

        found: list[Suggestion] = []
        if refused.intent is None:
            raise Conflict(f"{refused.entity_id} is no operational intent")
        volumes = refused.intent.all_volumes
        bounds = Bounds.under(self.agreement, volumes, self.clock.now_ns())
        for kind in KINDS:
            questions = search(kind, volumes, in_the_way, bounds, Allowance(part))
            with suppress(TooMuchWork):
                while (each := await self.apart(partial(next, questions, _END))) is not _END:
                    if isinstance(each, Suggestion):
                        found.append(each)
        return await self.apart(still_free)

    async def apart(self, read: Callable[[], T]) -> T:
        """What a function reads and computes of what is durable, while no step runs.

        It has a thread: whatever it costs, the event loop answers meanwhile.
        """
        return await self._inbox.apart(read)

    def counts(self) -> tuple[int, int, int]:
        """How many intents, constraints and conflicts stand, as of the last step that was idle."""
        if self._inbox.is_idle:
            self._counts = self.airspace.counts()
        return self._counts

    async def settled(self) -> None:
        """Wait until no step runs: what is read before the next `await` is durable and whole.

        Raises Unavailable while the store cannot be read: then nobody knows what is durable.
        """
        await self._inbox.settled()

    async def changed(self, after: int, timeout_s: float) -> int:
        """Wait for a revision above `after`, at most `timeout_s`; returns the revision."""
        deadline = asyncio.get_running_loop().time() + timeout_s
        while (revision := self.airspace.revision) <= after:
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0 or self._inbox.stopping:
                break
            if self._news is None:
                self._news = asyncio.get_running_loop().create_future()
            await asyncio.wait([self._news], timeout=left)
        return revision

    # -- asking: clients ---------------------------------------------------------------------

    async def declare(self, intent: Intent, *, ovn: str | None = None,
                      require_key: bool = False) -> Outcome:
        """Declare an intent and wait for the ruling.

        Raises BadInput, Forbidden, NotFound, Conflict (exists, pending, stale_ovn), MissingKey
        with the records that it lacks, NotAcknowledged or Unavailable.
        """
        return await self._inbox.ask(lambda reply: Declare(intent, ovn, require_key, reply))

    async def withdraw(self, entity_id: str, ovn: str | None, manager: str) -> Record:
        """Withdraw the standing version of an intent; `ovn` None takes whichever stands."""
        return await self._inbox.ask(lambda reply: Withdraw(entity_id, ovn, manager, reply))

    async def give_notice(self, constraint: Constraint) -> Record:
        """Give a prior notice, or replace it."""
        return await self._inbox.ask(lambda reply: GiveNotice(constraint, reply))

    async def withdraw_notice(self, entity_id: str, manager: str) -> Record:
        """Withdraw a prior notice."""
        return await self._inbox.ask(lambda reply: WithdrawNotice(entity_id, manager, reply))

    async def notify(self, manager: str, document: Mapping[str, object]) -> None:
        """Record a notification that a manager sent us."""
        await self._inbox.ask(lambda reply: Notify(manager, document, reply))

    async def remember(self, key: str, digest: bytes, answer: bytes) -> None:
        """Keep the answer to a request that bore an idempotency key."""
        await self._inbox.ask(lambda reply: Remember(key, digest, answer, reply))

    # -- asking: peers, and strangers with a peer's log --------------------------------------

    async def add_checkpoint(self, body: bytes) -> None:
        """C2SP tlog-mirror `add-checkpoint`; errors carry the status of the specification."""
        await self._inbox.ask(lambda reply: AddCheckpoint(body, reply))

    async def add_entries(self, body: bytes) -> Held | Partial:
        """C2SP tlog-mirror `add-entries`; errors carry the status of the specification."""
        return await self._inbox.ask(lambda reply: AddEntries(body, reply))

    async def word(self, body: bytes) -> bytes:
        """The signed word on a peer's log that its signed ask wants; see `words`."""
        ask = self._keeper.read(body)
        if ask.counter:
            self._courier.give_up_answers(ask.sender)
        return await self._inbox.apart(lambda: self._keeper.word(ask, self._conductor.memory))

    def disclosures(self, ask: bytes) -> bytes:
        """A page of what is open here of the log of the peer that asks, to it alone."""
        return self._keeper.disclosures(ask, self._conductor.memory)

    def admit(self, header: str | None) -> Head:
        """Who sends a message, by its signed head alone. Raises NotAuthenticated."""
        return self._courier.admit(header)

    async def exchange_in(self, body: bytes, head: Head) -> tuple[bytes, str]:
        """Take in the message of an admitted peer; returns the answer and its signed head."""
        return await self._courier.take_in(body, head)
