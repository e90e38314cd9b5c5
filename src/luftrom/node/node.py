"""The node: a conductor with a thread to commit on, a network to talk through, and doors to ask at.

One task works through steps; while a transaction is being synced the next requests gather, so all
that arrive within one sync share it. One task a peer carries messages: whatever waits goes out in
the next round trip, and a heartbeat keeps the age of the data known when nothing waits.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from luftrom.agreement.terms import Agreement
from luftrom.airspace.constraint import Constraint
from luftrom.airspace.intent import Intent
from luftrom.airspace.suggestions import KINDS, Bounds, Suggestion, search
from luftrom.clock import NS_PER_S, Clock
from luftrom.config.keys import NodeKeys
from luftrom.errors import (
    BadInput,
    Conflict,
    LuftromError,
    NotAuthenticated,
    TooLarge,
    Unavailable,
    Unverified,
)
from luftrom.exchange.message import Message, encode_message, parse_message
from luftrom.exchange.signature import (
    BodySignature,
    read_sender,
    sign_body,
    verify_body,
    verify_header,
)
from luftrom.exchange.verification import prove_leaves
from luftrom.geometry.volume import Volume4D
from luftrom.logs.mirror import Mirror
from luftrom.logs.own import OwnLog
from luftrom.node import requests as ask
from luftrom.node.channel import HEARTBEAT_S, Channel, Link
from luftrom.node.conductor import Conductor
from luftrom.node.requests import Against, Outcome
from luftrom.reading import parse_json
from luftrom.state.entities import Entities
from luftrom.state.record import Record
from luftrom.store.protocol import Store

__all__ = ["Against", "Channel", "Node", "NodeKeys", "Outcome", "Transport"]

_LOG = logging.getLogger("luftrom.node")
_RETRY_S_MAX = 5.0
_STEP_REQUESTS_MAX = 32                    # a longer step keeps the peer and the clients waiting
_LEAVES_FOR_THREAD = 8                     # messages with fewer are worked on where they arrive
_LINGER_S = 0.05                           # how long rulings wait for company
_RESYNCS_MAX = 8                           # in a row, before it counts as a refusal
_PROBLEM_BYTES_MAX = 64 * 1024
_COUNTER_MAX = 2**62                       # what an unsigned refusal may set a counter to


class Transport(Protocol):
    """Carries one message to a peer's node and brings the answer back."""

    async def post(self, base_url: str, body: bytes, signature: str
                   ) -> tuple[int, bytes, str | None]:
        """Status, body and signature header of the answer; Unavailable if there is none."""
        ...


class Node:
    """One party's node. Reads are plain attributes; `settled` waits until they are durable."""

    def __init__(self, party: str, keys: NodeKeys, agreement: Agreement | None, store: Store,
                 clock: Clock, transport: Transport | None = None):
        self.party = party
        self.agreement = agreement
        self.clock = clock
        self._conductor = Conductor(party, keys, agreement, store, clock)
        self._store = store
        self._keys = keys
        self._transport = transport
        self._inbox: list[ask.Request] = []
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._news: asyncio.Future[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="luftrom-commit")
        self._tasks: list[asyncio.Task[None]] = []
        peers = [p for p in agreement.parties if p.name != party] if agreement else []
        self._links = {p.name: Link(p.name, p.base_url) for p in peers}
        self._calls = {p.name: asyncio.Event() for p in peers}
        self._urgent_size = 0              # up to where somebody waits for own leaves to arrive
        self._lingering: set[str] = set()
        self._stopping = False
        self._lost: str | None = None      # why memory is not what the store holds, if it is not
        for peer in self._conductor.broken & self._links.keys():
            self._links[peer].last_error = "broken: a proof of what it signed is kept"

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
    def mirrors(self) -> dict[str, Mirror]:
        """Peer name to the mirror of its log."""
        return self._conductor.mirrors

    def outcome(self, record: Record) -> Outcome:
        """What became of a ruled declaration."""
        return self._conductor.outcome(record)

    def unacknowledged(self, record: Record) -> tuple[str, ...]:
        """Peers that were silent when it was accepted and are not known to hold it by now."""
        silent = record.ruling.unacknowledged if record.ruling else ()
        return tuple(name for name in silent if name != self.party and not (
            record.party == self.party and name in self.mirrors
            and self.mirrors[name].receipt_size > record.index))

    def channels(self) -> list[Channel]:
        """The links to all peers, as they stand now."""
        elapsed_ns, size = self.clock.elapsed_ns(), self.log.size
        return [Channel(
            peer=link.peer, base_url=link.base_url,
            state=link.state(elapsed_ns, link.peer in self._conductor.broken),
            last_heard_ns=link.heard_ns, age_s=link.age_s(elapsed_ns),
            round_trip_ms=link.round_trip_ms, mirror_size=self.mirrors[link.peer].size,
            applied_size=self.mirrors[link.peer].applied,
            receipt_size=self.mirrors[link.peer].receipt_size,
            receipts_outstanding=max(0, size - self.mirrors[link.peer].receipt_size),
            last_error=link.last_error, checks_made=link.checks_made,
            checks_missed=link.checks_missed) for link in self._links.values()]

    def proofs(self) -> list[tuple[str, str, bytes]]:
        """Kept evidence of misbehaviour: (party, kind, document)."""
        return self._store.proofs()

    async def suggestions(self, refused: Record) -> tuple[list[Suggestion], int]:
        """What is free instead of an own refused declaration, and the time of that, in ns.

        Others are served after each question, so all that was found is asked about again at once.
        """
        def obstacles(volumes: Sequence[Volume4D]) -> Mapping[int, Sequence[Volume4D]]:
            return self.airspace.obstacles(refused, volumes)

        volumes, found = refused.intent.all_volumes, []
        bounds = Bounds.under(self.agreement, volumes, self.clock.now_ns())
        for kind in KINDS:
            for each in search(kind, volumes, obstacles, bounds):
                if each is not None:
                    found.append(each)
                await asyncio.sleep(0)
                await self.settled()
        if self.airspace.foreign(refused.entity_id, self.party) is not None:
            found.clear()                  # nothing is free under another party's identifier
        return [each for each in found if not obstacles(each.volumes)], self.clock.now_ns()

    async def settled(self) -> None:
        """Wait until nothing that can be read is still on its way to the disk.

        Raises Unavailable while the store cannot be read: then nobody knows what is durable.
        """
        await self._idle.wait()
        if self._lost:
            raise Unavailable(self._lost)

    async def changed(self, after: int, timeout_s: float) -> int:
        """Wait for a revision above `after`, at most `timeout_s`; returns the revision."""
        deadline = asyncio.get_running_loop().time() + timeout_s
        while (revision := self.airspace.revision) <= after:
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0 or self._stopping:
                break
            if self._news is None:
                self._news = asyncio.get_running_loop().create_future()
            await asyncio.wait([self._news], timeout=left)
        return revision

    # -- asking ------------------------------------------------------------------------------

    async def declare(self, intent: Intent, *, ovn: str | None = None,
                      require_key: bool = False) -> Outcome:
        """Declare an intent and wait for the ruling.

        Raises BadInput, Forbidden, NotFound, Conflict (exists, pending, stale_ovn),
        MissingKey, NotAcknowledged or Unavailable.
        """
        return await self._ask(lambda reply: ask.Declare(intent, ovn, require_key, reply))

    async def withdraw(self, entity_id: str, ovn: str | None, manager: str) -> Record:
        """Withdraw the standing version of an intent; `ovn` None takes whichever stands."""
        return await self._ask(lambda reply: ask.Withdraw(entity_id, ovn, manager, reply))

    async def give_notice(self, notice: Constraint) -> Record:
        """Give a prior notice, or replace it."""
        return await self._ask(lambda reply: ask.GiveNotice(notice, reply))

    async def withdraw_notice(self, entity_id: str, manager: str) -> Record:
        """Withdraw a prior notice."""
        return await self._ask(lambda reply: ask.WithdrawNotice(entity_id, manager, reply))

    async def notify(self, manager: str, document: Mapping[str, Any]) -> None:
        """Record a notification that a manager sent us."""
        await self._ask(lambda reply: ask.Notify(manager, document, reply))

    async def remember(self, key: str, digest: bytes, answer: bytes) -> None:
        """Keep the answer to a request that bore an idempotency key."""
        await self._ask(lambda reply: ask.Remember(key, digest, answer, reply))

    def remembered(self, key: str) -> tuple[bytes, bytes] | None:
        """The digest of the request and the answer kept under a key, or None."""
        return self._store.answer(key)

    async def add_checkpoint(self, body: bytes) -> bytes:
        """C2SP tlog-mirror `add-checkpoint`; errors carry the status of the specification."""
        return await self._ask(lambda reply: ask.Submit(body, False, reply))

    async def add_entries(self, body: bytes) -> bytes:
        """C2SP tlog-mirror `add-entries`; returns the cosignature lines."""
        return await self._ask(lambda reply: ask.Submit(body, True, reply))

    def admit(self, header: str | None) -> BodySignature:
        """Who sends a message, by its signature header alone. Raises NotAuthenticated."""
        sender = read_sender(header)
        party = self.agreement.party(sender) if self.agreement else None
        if party is None or sender == self.party:
            raise NotAuthenticated(f"{sender[:200]!r} is no peer of {self.party}")
        return verify_header(header, sender, self.party, party.keys.channel)

    async def exchange_in(self, body: bytes, signature: BodySignature) -> tuple[bytes, str]:
        """Take in the message of an admitted peer; returns the answer and its signature header."""
        verify_body(body, signature)
        sender, counter = signature.sender, signature.counter
        link = self._links[sender]
        try:
            message = self._read(body, sender)
            proven = await self._prove(message)
            answer = await self._ask(lambda reply: ask.Hear(message, counter, reply, proven))
        except (BadInput, TooLarge, Unverified) as error:
            link.last_error = f"refused its message: {error}"[:500]
            raise
        link.heard(self.clock.now_ns(), self.clock.elapsed_ns())
        link.have, link.mirrored = message.have, max(message.have, message.receipt_size)
        if not message.whole:
            self._calls[sender].set()
        elif self.log.size > answer.first + len(answer.leaves):
            self._call(sender)
        encoded = await self._encode(answer)
        return encoded, sign_body(encoded, self.party, sender, counter, self._keys.channel)

    async def _ask(self, make: Callable[[ask.Reply], ask.Request]) -> Any:
        if self._stopping:
            raise Unavailable("the node is stopping")
        if self._lost:
            raise Unavailable(self._lost)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def reply(result: Any, error: LuftromError | None) -> None:
            if future.done():
                return                     # the asker went away; what was done stays done
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

        self._inbox.append(make(reply))
        self._wake.set()
        return await future

    # -- working -----------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin to work; returns at once."""
        self._tasks.append(asyncio.create_task(self._work(), name="luftrom-steps"))
        if self._transport is not None:
            for peer in self._links:
                self._tasks.append(asyncio.create_task(self._carry(peer), name=f"luftrom-{peer}"))

    async def stop(self) -> None:
        """Let the running step finish, then stop. Whoever still waits is told so."""
        self._stopping = True
        self._wake.set()
        if self._tasks:
            await asyncio.wait(self._tasks[:1])   # the steps, which end after the running one
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._thread.shutdown()
        self._conductor.abandon(Unavailable("the node is stopping; a declaration that it has "
                                            "recorded is ruled on when it is back"))
        for request in self._inbox:
            request.reply(None, Unavailable("the node is stopping"))
        self._tell()

    async def _work(self) -> None:
        self._wake.set()                   # the first step opens the log and rules on old matters
        while not self._stopping:
            await self._wait()
            if self._stopping:
                break
            self._wake.clear()
            requests, self._inbox = (self._inbox[:_STEP_REQUESTS_MAX],
                                     self._inbox[_STEP_REQUESTS_MAX:])
            if self._inbox:
                self._wake.set()
            self._idle.clear()
            try:
                await self._step(requests)
            except Exception:
                # A defect must not take the node's clients with it; the store is the truth.
                _LOG.exception("a step failed")
                for request in requests:
                    request.reply(None, LuftromError("internal error; the log names it"))
                await self._reload()
            finally:
                self._idle.set()

    async def _reload(self) -> None:
        """Start from the store. While it cannot be read, say so to everybody and try again."""
        while not self._stopping:
            try:
                self._conductor.load()
            except LuftromError as error:
                self._lost = f"the store cannot be read: {error.message}"
                _LOG.error("%s", self._lost)
                self._idle.set()
                await asyncio.sleep(1.0)
            else:
                self._lost = None
                return

    async def _wait(self) -> None:
        deadline_ns = self._conductor.next_deadline_ns()
        timeout_s = 1.0
        if deadline_ns is not None:
            timeout_s = min(1.0, max(0.0, (deadline_ns - self.clock.elapsed_ns()) / NS_PER_S))
        try:
            await asyncio.wait_for(self._wake.wait(), timeout_s)
        except TimeoutError:
            pass

    async def _step(self, requests: list[ask.Request]) -> None:
        size, revision = self.log.size, self.airspace.revision
        step = self._conductor.step(requests)
        if not step.writes.is_empty():
            loop = asyncio.get_running_loop()
            try:
                await loop.run_in_executor(self._thread, self._store.commit, step.writes)
            except LuftromError as error:
                self._conductor.fail(step, error)
                return
        self._conductor.publish(step)
        if step.is_urgent:
            self._urgent_size = self.log.size
        if self.log.size > size:
            for peer in self._links:
                self._call(peer)
        if self.airspace.revision != revision:
            self._tell()

    def _tell(self) -> None:
        if self._news is not None:
            self._news.set_result(None)
            self._news = None

    # -- carrying ----------------------------------------------------------------------------

    def _call(self, peer: str) -> None:
        """Send what a peer lacks: at once, or if nobody waits for it (rulings), with what follows.

        Under load that halves the number of messages, and each is signed, synced and receipted.
        """
        sent = self._links[peer].sent_size
        if self._urgent_size > sent:
            self._calls[peer].set()
        elif self.log.size > sent and peer not in self._lingering:
            self._lingering.add(peer)
            asyncio.get_running_loop().call_later(_LINGER_S, self._call_late, peer)

    def _call_late(self, peer: str) -> None:
        self._lingering.discard(peer)
        if self.log.size > self._links[peer].sent_size:
            self._calls[peer].set()

    async def _carry(self, peer: str) -> None:
        """Talk to one peer for ever: when there is news, and at each heartbeat."""
        link, call = self._links[peer], self._calls[peer]
        pause_s = 0.0
        while True:
            try:
                await asyncio.wait_for(call.wait(), HEARTBEAT_S)
            except TimeoutError:
                pass
            call.clear()
            if peer in self._conductor.broken:
                continue
            link.checks_made += 1
            try:
                await self._exchange(link)
                pause_s = 0.0
                continue
            except LuftromError as error:
                link.missed(str(error))
                _LOG.warning("%s: %s", peer, error)
            except Exception:
                # Whatever an answer does to us, the link is tried again.
                link.missed("internal error; the log names it")
                _LOG.exception("%s: an exchange failed", peer)
            link.sent = 0
            pause_s = min(_RETRY_S_MAX, 2 * pause_s + 0.1)
            await asyncio.sleep(pause_s)
            call.set()

    def _read(self, body: bytes, sender: str) -> Message:
        """A verified body to its message, which must be of whoever signed it."""
        message = parse_message(body)
        if (message.sender, message.recipient) != (sender, self.party):
            raise BadInput("the message names another sender or recipient than its signature")
        return message

    async def _prove(self, message: Message) -> frozenset[int]:
        """Check signatures beside the running step: most of that time needs no interpreter."""
        if len(message.leaves) < _LEAVES_FOR_THREAD:
            return frozenset()             # a thread costs more than it saves
        key = self.agreement.party(message.sender).keys.statements
        return await asyncio.to_thread(prove_leaves, message,
                                       self.mirrors[message.sender].applied, key)

    async def _encode(self, message: Message) -> bytes:
        if len(message.leaves) < _LEAVES_FOR_THREAD:
            return encode_message(message)
        return await asyncio.to_thread(encode_message, message)

    async def _exchange(self, link: Link) -> None:
        """One round trip: everything that waits, in both directions."""
        message = self._conductor.message_to(link.peer, link.have, link.mirrored)
        link.sent = message.first + len(message.leaves)
        body = await self._encode(message)
        counter = link.next_counter(self.clock.now_ns())
        began_ns = self.clock.elapsed_ns()
        signature = sign_body(body, self.party, link.peer, counter, self._keys.channel)
        status, answer, signed = await self._transport.post(link.base_url, body, signature)
        if status != 200:
            link.sent = 0
            self._resynchronise(link, status, answer)
            return
        key = self.agreement.party(link.peer).keys.channel
        signature_there = verify_header(signed, link.peer, self.party, key)
        verify_body(answer, signature_there)
        if signature_there.counter != counter:
            raise NotAuthenticated("the answer is to another message")
        heard = self._read(answer, link.peer)
        applied = self.mirrors[link.peer].applied
        proven = await self._prove(heard)
        try:
            await self._ask(lambda reply: ask.Hear(heard, None, reply, proven))
        except Conflict as error:
            # In peace a message of the peer overtook its answer; twice running is no peace.
            if error.code != "rolled_back" or link.was_overtaken:
                raise
            link.was_overtaken = True
            self._calls[link.peer].set()
            return
        link.was_overtaken = False
        now_ns, elapsed_ns = self.clock.now_ns(), self.clock.elapsed_ns()
        link.heard(now_ns, elapsed_ns)
        link.round_trip_ms = (elapsed_ns - began_ns) / 1e6
        link.have, link.mirrored = heard.have, max(heard.have, heard.receipt_size)
        # At once again while it gets us further; whoever takes nothing waits for the heartbeat.
        if not heard.whole and self.mirrors[link.peer].applied > applied:
            self._calls[link.peer].set()
        elif heard.have > message.first:
            self._call(link.peer)

    def _resynchronise(self, link: Link, status: int, answer: bytes) -> None:
        """The peer is elsewhere than we thought: go by what it says, or say why it refused.

        The refusal is not signed; a false one costs a round trip and nothing else.
        """
        try:
            problem = parse_json(answer[:_PROBLEM_BYTES_MAX])
        except BadInput:
            problem = None
        problem = problem if isinstance(problem, dict) else {}
        code = problem.get("code")
        if code == "replayed":
            link.counter = _count(problem, "counter", link)
        elif code in ("gap", "rolled_back"):
            link.have, link.mirrored = (_count(problem, n, link) for n in ("have", "mirrored"))
        if link.mirrored > self.log.size:
            raise Unavailable(f"{link.peer} says it holds {link.mirrored} of our leaves; there are "
                              f"{self.log.size}: was this node restored from an old copy?")
        link.resyncs += 1
        if code in ("replayed", "gap", "rolled_back") and link.resyncs <= _RESYNCS_MAX:
            # Also in peace: our answer to a request of the peer overtook this message.
            self._calls[link.peer].set()
            return
        reason = str(problem.get("detail") or f"status {status}")[:500]
        raise Unavailable(f"{link.peer} refused the message: {reason}")


def _count(problem: Mapping[str, Any], name: str, link: Link) -> int:
    value = problem.get(name)
    if type(value) is not int or not 0 <= value < _COUNTER_MAX:
        raise Unavailable(f"{link.peer} refused the message, and its {name} is no count")
    return value
