"""The courier: one task a peer carries messages, and what a peer brings is let in.

Whatever waits goes out in the next round trip, and a heartbeat keeps the age of the data known
when nothing waits.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Protocol

from luftrom import limits
from luftrom.agreement.party import Party
from luftrom.agreement.terms import Agreement
from luftrom.clock import NS_PER_S, Clock
from luftrom.config.keys import NodeKeys
from luftrom.errors import (
    BadInput,
    LuftromError,
    NotAuthenticated,
    OutOfStep,
    TooLarge,
    Unavailable,
    Unverified,
)
from luftrom.exchange.message import Message, encode_message, parse_message
from luftrom.exchange.sending import Position
from luftrom.exchange.verification import prove_leaves
from luftrom.geometry.kernel_sources import sources_digest
from luftrom.logs.head import Head, check_body, read_sender, sign_head, verify_head
from luftrom.node.channel import CLOCK_OFF_S_MAX, HEARTBEAT_S, Channel, Link
from luftrom.node.comparing import compare, suspect_of
from luftrom.node.conductor import Conductor
from luftrom.node.gate import ASKING, OPEN
from luftrom.node.hearing import Convict, Hear, HearAnswer, position_of
from luftrom.node.inbox import Inbox
from luftrom.node.restoring import FetchTransport
from luftrom.node.withholding import owed_by
from luftrom.node.words import ask_word
from luftrom.reading import parse_json

_LOG = logging.getLogger("luftrom.node")
_RETRY_S_MAX = 5.0
_LEAVES_FOR_THREAD = 8                     # messages with fewer are worked on where they arrive
_LINGER_S = 0.05                           # how long rulings wait for company
_RESYNCS_MAX = 8                           # in a row, before it counts as a refusal
_PROBLEM_BYTES_MAX = 64 * 1024
_POSITIONS = ("gap", "rolled_back", "unseen")   # refusals that say where the peer stands
_FIRST_WORDS_S = 3.0                       # at the start, for peers to say what they hold
_COUNT_MAX = 2**62                         # of leaves, in an unsigned refusal
_COSTLY = ("its leaves cost more work than is taken of a peer within a minute "
           f"({limits.PEER_WORK_PER_MINUTE_MAX:.0f} units); the rest waits for the next")


class Transport(FetchTransport, Protocol):
    """Carries messages to a peer's node, asks, and fetches what it shows to everybody."""

    async def post(self, base_url: str, body: bytes, signature: str
                   ) -> tuple[int, bytes, str | None]:
        """Status, body and signature header of the answer; Unavailable if there is none."""
        ...


class Courier:
    """The links to all peers: what is sent, when, and what came back."""

    def __init__(self, party: str, keys: NodeKeys, agreement: Agreement | None, clock: Clock,
                 conductor: Conductor, inbox: Inbox, transport: Transport | None):
        self._party, self._keys, self._clock = party, keys, clock
        self._agreement = agreement.digest if agreement else ""
        self._silence = agreement.silence if agreement else None
        self._conductor, self._inbox, self._transport = conductor, inbox, transport
        peers = [p for p in agreement.parties if p.name != party] if agreement else []
        self._peers: dict[str, Party] = {p.name: p for p in peers}
        self._links = {p.name: Link(p.name, p.base_url) for p in peers}
        self._calls = {p.name: asyncio.Event() for p in peers}
        self._urgent_size = 0              # up to where somebody waits for own leaves to arrive
        self._awaits_heads = False         # own rulings wait until what is opened is acknowledged
        self._lingering: set[str] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._comparing: dict[str, asyncio.Task[None]] = {}    # by the peer with whom
        self._unasked = set(self._peers)   # who was not asked yet what it holds of our log
        self._all_asked = asyncio.Event()
        for peer in conductor.broken & self._links.keys():
            self._links[peer].last_error = "broken: a proof of what it signed is kept"

    def start(self) -> None:
        """Begin to carry; returns at once."""
        if self._transport is not None:
            self._tasks += [asyncio.create_task(self._carry(peer, self._transport),
                                                name=f"luftrom-{peer}") for peer in self._links]

    async def asked(self) -> None:
        """Wait until each peer has said what it holds of our log, or is silent: briefly."""
        if self._transport is not None and self._peers:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._all_asked.wait(), _FIRST_WORDS_S)
        for peer in self._unasked:
            self._conductor.gate.missed(peer)

    async def stop(self) -> None:
        """Carry nothing more; whatever is on its way is given up."""
        tasks = [*self._tasks, *self._comparing.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def channels(self) -> list[Channel]:
        """The links to all peers, as they stand now."""
        elapsed_ns, size = self._clock.elapsed_ns(), self._conductor.log.size
        mirrors = self._conductor.mirrors
        withheld = {link.peer: link.debts.overdue(self._silence, elapsed_ns)
                    for link in self._links.values()} if self._silence else {}
        told = self._conductor.state.forks.told_by(self._party)
        return [Channel(
            peer=link.peer, base_url=link.base_url,
            state=link.state(elapsed_ns, link.peer in self._conductor.broken,
                             bool(withheld.get(link.peer))),
            last_heard_ns=link.heard_ns, age_s=link.age_s(elapsed_ns),
            round_trip_ms=link.round_trip_ms, mirror_size=mirrors[link.peer].size,
            applied_size=mirrors[link.peer].applied,
            receipt_size=mirrors[link.peer].receipt_size,
            receipts_outstanding=max(0, size - mirrors[link.peer].receipt_size),
            last_error=_COSTLY if self._conductor.is_costly(link.peer) else link.last_error,
            checks_made=link.checks_made, checks_missed=link.checks_missed,
            kernels_digest=link.kernels,
            clock_offset_s=link.clock_offset_s, withheld=withheld.get(link.peer, ()),
            forked=told.get(link.peer))
            for link in self._links.values()]

    def watch(self) -> None:
        """Note what each peer owes, and what waits for it; to be called after each step."""
        memory, elapsed_ns = self._conductor.memory, self._clock.elapsed_ns()
        for link in self._links.values():
            link.debts.look(owed_by(link.peer, memory), elapsed_ns)
        entities = memory.state.entities
        self._awaits_heads = entities.proceeds and bool(entities.unruled(self._party))

    # -- when to go --------------------------------------------------------------------------

    def call_all(self, is_urgent: bool) -> None:
        """There are own leaves to send, or to open. `is_urgent`: somebody waits for them."""
        if is_urgent:
            self._urgent_size = self._conductor.log.size
        for peer in self._links:
            self._call(peer)

    def _call(self, peer: str) -> None:
        """Send what a peer lacks: at once, or if nobody waits for it (rulings), with what follows.

        Under load that halves the number of messages, and each is signed, synced and receipted.
        """
        if self._urgent_size > self._links[peer].sent_size or (
                self._owes_openings(peer) and (self._waits(peer) or self._awaits_heads)):
            self._calls[peer].set()
        elif self._owes(peer) and peer not in self._lingering:
            self._lingering.add(peer)
            asyncio.get_running_loop().call_later(_LINGER_S, self._call_late, peer)

    def _call_late(self, peer: str) -> None:
        self._lingering.discard(peer)
        if self._owes(peer):
            self._calls[peer].set()

    def _owes(self, peer: str) -> bool:
        """Is there anything that the peer has not been sent?"""
        return (self._conductor.log.size > self._links[peer].sent_size
                or self._owes_openings(peer))

    def _owes_openings(self, peer: str) -> bool:
        return self._conductor.due_size > self._links[peer].opened_size

    def _waits(self, peer: str) -> bool:
        """Has the peer declared what is still closed to us? It waits for what crossed that."""
        mirror = self._conductor.mirrors[peer]
        return mirror.size > mirror.applied

    async def _carry(self, peer: str, transport: Transport) -> None:
        """Talk to one peer for ever: when there is news, and at each heartbeat."""
        link, call = self._links[peer], self._calls[peer]
        pause_s = 0.0
        await self._hear_word(link, transport)
        self._unasked.discard(peer)
        if not self._unasked:
            self._all_asked.set()
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(call.wait(), HEARTBEAT_S)
            call.clear()
            if peer in self._conductor.broken:
                continue
            is_shut = self._conductor.gate.stand(self._conductor.memory).is_shut
            if is_shut or link.is_word_due(self._clock.elapsed_ns()):
                await self._hear_word(link, transport)
            if self._conductor.gate.stand(self._conductor.memory).is_shut:
                continue
            link.checks_made += 1
            try:
                await self._exchange(link, transport)
                pause_s = 0.0
                continue
            except LuftromError as error:
                link.missed(str(error))
                _LOG.warning("%s: %s", peer, error)
                self._look_into(error, peer)
            except Exception:              # noqa: BLE001 - whatever it was, the link is tried again
                link.missed("internal error; the log names it")
                _LOG.exception("%s: an exchange failed", peer)
            link.sent, link.sent_open, link.word_elapsed_ns = 0, 0, None
            pause_s = min(_RETRY_S_MAX, 2 * pause_s + 0.1)
            await asyncio.sleep(pause_s)
            call.set()

    async def _hear_word(self, link: Link, transport: Transport) -> None:
        """Ask what a peer holds of our log; whoever does not say holds nothing up but doubts."""
        began_ns = link.word_elapsed_ns = self._clock.elapsed_ns()
        conductor = self._conductor
        # Where this may be an older copy, the peer is to take nothing that was sent before.
        counter = 0 if conductor.gate.is_settled else link.next_counter(self._clock.now_ns())
        try:
            async with asyncio.timeout(limits.WORD_S_MAX):
                word = await ask_word(transport, self._peers[link.peer], self._party,
                                      self._agreement, self._keys, counter)
            if counter and word.counter != counter:
                link.counter = max(link.counter, word.counter)
                raise Unavailable("it holds a message with a later counter: it is asked again")
            conductor.gate.hear(word, conductor.memory)
        except (LuftromError, TimeoutError) as error:
            conductor.gate.missed(link.peer)
            _LOG.info("%s gave no word on our log: %s", link.peer, error)
            return
        link.counter = max(link.counter, word.counter)
        trip_ns = self._clock.elapsed_ns() - began_ns
        link.clock_offset_s = (word.time_ns - self._clock.now_ns() + trip_ns // 2) / NS_PER_S
        if abs(link.clock_offset_s) > CLOCK_OFF_S_MAX:
            _LOG.warning("the clock of %s is %.0f s %s ours: set both by NTP", link.peer,
                         abs(link.clock_offset_s),
                         "ahead of" if link.clock_offset_s > 0 else "behind")
        if (gated := conductor.gate.stand(conductor.memory)).state not in (OPEN, ASKING):
            _LOG.warning("this node signs nothing now (%s): %s. Mend: %s", gated.state,
                         "; ".join(gated.reasons), gated.mend)
        self._inbox.wake()

    # -- one round trip ----------------------------------------------------------------------

    async def _exchange(self, link: Link, transport: Transport) -> None:
        """One round trip: everything that waits, in both directions."""
        await self._inbox.settled()
        counter = link.next_counter(self._clock.now_ns())
        message, draft = self._conductor.message_to(link.peer, link.at, counter)
        link.sent, link.sent_open = message.own.end, self._conductor.due_size
        body = await _encode(message)
        began_ns = self._clock.elapsed_ns()
        status, answer, signed = await transport.post(link.base_url, body, self._sign(draft, body))
        if status != 200:
            link.sent = link.sent_open = 0
            self._resynchronise(link, status, answer)
            return
        head = self._read_head(answer, signed, link.peer, counter)
        heard = parse_message(answer)
        mirrored = self._conductor.mirrors[link.peer].size
        proven = await self._prove(heard, link.peer)
        try:
            await self._inbox.ask(lambda reply: HearAnswer(heard, head, reply, proven))
        except OutOfStep as error:
            # In peace a message of the peer overtook its answer; twice running is no peace.
            if error.code == "gap" or link.was_overtaken:
                raise
            link.was_overtaken = True
            self._calls[link.peer].set()
            return
        link.was_overtaken = False
        now_ns, elapsed_ns = self._clock.now_ns(), self._clock.elapsed_ns()
        link.heard(now_ns, elapsed_ns)
        link.round_trip_ms = (elapsed_ns - began_ns) / 1e6
        before, link.at = link.at, position_of(heard, head)
        # At once again while it gets us further; whoever takes nothing waits for the heartbeat.
        if mirrored < self._conductor.mirrors[link.peer].size < head.size:
            self._calls[link.peer].set()
        elif link.at.mirrored > before.mirrored or link.at.opened > before.opened:
            self._call(link.peer)

    def _read_head(self, answer: bytes, text: str | None, peer: str, counter: int) -> Head:
        """The head of a peer's answer to the message with that counter, if it is that."""
        head = verify_head(text, peer, self._party, self._peers[peer].keys.channel)
        check_body(answer, head)
        if counter <= self._links[peer].given_up:
            raise NotAuthenticated(f"the answer is from before {peer} was given our word")
        if head.counter != counter:
            raise NotAuthenticated("the answer is to another message")
        self._compare_kernels(self._links[peer], head.kernels)
        return head

    async def _prove(self, message: Message, sender: str) -> frozenset[int]:
        """Check signatures beside the running step: most of that time needs no interpreter."""
        if len(message.own.leaves) < _LEAVES_FOR_THREAD:
            return frozenset()             # a thread costs more than it saves
        return await asyncio.to_thread(
            prove_leaves, message, self._conductor.mirrors[sender].size, sender,
            self._peers[sender].keys.statements)

    def _resynchronise(self, link: Link, status: int, answer: bytes) -> None:
        """The peer is elsewhere than we thought: go by what it says, or say why it refused.

        The refusal is not signed: a false one costs a round trip and nothing else. It moves where
        the next message begins, and has the peer asked for its signed word (PROTOCOL.md, 19),
        which alone moves the counter.
        """
        try:
            problem = parse_json(answer[:_PROBLEM_BYTES_MAX])
        except BadInput:
            problem = None
        problem = problem if isinstance(problem, dict) else {}
        code = problem.get("code")
        if code == "replayed":
            link.word_elapsed_ns = None
        elif code in _POSITIONS:
            opened, mirrored = (_count(problem, n, link) for n in ("have", "mirrored"))
            link.at = replace(link.at, opened=opened, mirrored=mirrored, lacks=code == "unseen")
        size = self._conductor.log.size
        if link.at.mirrored > size:
            link.at = Position()
            raise Unavailable(f"{link.peer} says, unsigned, that it holds more than the {size} "
                              "leaves of our log: its signed word is asked for")
        link.resyncs += 1
        if code in ("replayed", *_POSITIONS) and link.resyncs <= _RESYNCS_MAX:
            # Also in peace: our answer to a request of the peer overtook this message.
            self._calls[link.peer].set()
            return
        reason = str(problem.get("detail") or f"status {status}")[:500]
        raise Unavailable(f"{link.peer} refused the message: {reason}")

    # -- what a peer brings ------------------------------------------------------------------

    def give_up_answers(self, peer: str) -> None:
        """Take no answer any more to what was sent to a peer so far: it came back since then."""
        link = self._links[peer]
        link.given_up = link.counter

    def admit(self, header: str | None) -> Head:
        """Who sends a message, by its signed head alone. Raises NotAuthenticated."""
        sender = read_sender(header)
        if sender not in self._peers:
            raise NotAuthenticated(f"{sender[:200]!r} is no peer of {self._party}")
        return verify_head(header, sender, self._party, self._peers[sender].keys.channel)

    async def take_in(self, body: bytes, head: Head) -> tuple[bytes, str]:
        """Take in the message of an admitted peer; returns the answer and its signed head."""
        check_body(body, head)
        sender, link = head.sender, self._links[head.sender]
        self._compare_kernels(link, head.kernels)
        try:
            message = parse_message(body)
            proven = await self._prove(message, sender)
            answered: tuple[Message, Head] = await self._inbox.ask(
                lambda reply: Hear(message, head, reply, proven))
        except (BadInput, TooLarge, Unverified) as error:
            link.last_error = f"refused its message: {error}"[:500]
            link.word_elapsed_ns = None
            self._look_into(error, sender)
            raise
        link.heard(self._clock.now_ns(), self._clock.elapsed_ns())
        link.at = position_of(message, head)
        answer, draft = answered
        if head.size > self._conductor.mirrors[sender].size:
            self._calls[sender].set()
        elif self._conductor.log.size > answer.own.end:
            self._call(sender)
        encoded = await _encode(answer)
        return encoded, self._sign(draft, encoded)

    # -- two histories -----------------------------------------------------------------------

    def _look_into(self, error: LuftromError, peer: str) -> None:
        """If a refusal of what a peer said tells of another history of some log, compare the two,
        one log at a time with each peer."""
        party, task = suspect_of(error), self._comparing.get(peer)
        if (party is not None and party in self._peers and self._transport is not None
                and party not in self._conductor.memory.forked and (task is None or task.done())):
            self._comparing[peer] = asyncio.create_task(self._compare(peer, party, self._transport))

    async def _compare(self, peer: str, party: str, transport: Transport) -> None:
        try:
            fork = await compare(self._peers[peer], self._conductor.mirrors[party], self._inbox,
                                 transport)
            if fork is not None:
                await self._inbox.ask(lambda reply: Convict(fork, reply))
                _LOG.error("%s has forked: its two histories part behind %d leaves", party,
                           fork.end)
        except LuftromError as error:
            _LOG.warning("the log of %s, as %s shows it: %s", party, peer, error)

    def _sign(self, draft: Head, body: bytes) -> str:
        return sign_head(replace(draft, kernels=sources_digest()), body, self._keys.channel)

    def _compare_kernels(self, link: Link, digest: str | None) -> None:
        """Tell people if two nodes decide conflicts by different code: they may disagree."""
        if digest != link.kernels and digest not in (None, sources_digest()):
            _LOG.warning("%s decides conflicts by other code (digest %.16s) than this node "
                         "(%.16s); bring both to one version", link.peer, digest, sources_digest())
        link.kernels = digest


async def _encode(message: Message) -> bytes:
    if len(message.own.leaves) < _LEAVES_FOR_THREAD:
        return encode_message(message)
    return await asyncio.to_thread(encode_message, message)


def _count(problem: Mapping[str, Any], name: str, link: Link) -> int:
    value = problem.get(name)
    if type(value) is not int or not 0 <= value < _COUNT_MAX:
        raise Unavailable(f"{link.peer} refused the message, and its {name} is no count")
    return value
