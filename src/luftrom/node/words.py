"""Words on logs: what this node holds of a peer's, said to that peer, and asked of peers in turn.

A node that signs nothing answers here all the same. What is said changes nothing that is held but
the counter below which a word binds.
"""

from __future__ import annotations

from typing import Protocol

from luftrom import limits
from luftrom.agreement.party import Party
from luftrom.agreement.terms import Agreement
from luftrom.clock import Clock
from luftrom.config.keys import NodeKeys
from luftrom.errors import Forbidden, NotAuthenticated, Unavailable
from luftrom.exchange.returning import encode_page
from luftrom.exchange.word import (
    DISCLOSURES,
    WORD,
    Ask,
    Word,
    ask_sender,
    new_ask,
    sign_ask,
    sign_word,
    verify_ask,
    verify_word,
)
from luftrom.node.memory import Memory
from luftrom.node.refusals import Replayed
from luftrom.store.protocol import Writes
from luftrom.transparency.checkpoint import parse_checkpoint
from luftrom.transparency.note import parse_note

_EMPTY_ROOT = bytes(32)                    # stands where a word is on no leaves at all


class AskTransport(Protocol):
    """Carries one signed ask to a peer's node and brings the answer back."""

    async def ask(self, base_url: str, about: str, ask: bytes, bytes_max: int
                  ) -> tuple[int, bytes]:
        """Status and body of the answer; Unavailable if there is none."""
        ...


class WordKeeper:
    """Answers the asks of peers from what is held of their logs."""

    def __init__(self, party: str, keys: NodeKeys, agreement: Agreement | None, clock: Clock):
        self._party, self._keys, self._agreement, self._clock = party, keys, agreement, clock
        self._counters: dict[str, int] = {}    # of asks for content, since the start

    def read(self, body: bytes) -> Ask:
        """A peer's ask for a word on its log. Raises NotAuthenticated, BadInput or Forbidden."""
        peer = self._peer(body)
        return verify_ask(body, peer, self._party, WORD)

    def word(self, ask: Ask, memory: Memory) -> bytes:
        """The signed word that an ask wants.

        Where the ask has a counter the word binds: what its sender signed before it is not taken
        any more, now or after a restart. So a message that was still on its way when a peer came
        back from an older copy does not contradict what the peer signs then (PROTOCOL.md, 19). An
        ask with an older counter, such as one held up by somebody, binds nobody; the counter in
        the word says so. Raises Unavailable if the store does not take it.
        """
        peer = ask.sender
        if ask.counter > memory.counters[peer]:
            memory.log.store.commit(Writes(counters=[(f"exchange {peer}", ask.counter)]))
            memory.counters[peer] = ask.counter
        mirror = memory.mirrors[peer]
        size, note = max((mirror.size, mirror.note), mirror.pending, key=lambda held: held[0])
        root = parse_checkpoint(parse_note(note).text).root if size else _EMPTY_ROOT
        return sign_word(Word(
            self._party, peer, self._agreement.digest if self._agreement else "", ask.nonce, size,
            root, note, held=mirror.size, head=memory.head_of(peer),
            receipt=mirror.receipt.note if mirror.receipt else b"",
            counter=memory.counters[peer], time_ns=self._clock.now_ns()), self._keys.channel)

    def disclosures(self, body: bytes, memory: Memory) -> bytes:
        """A page of what is open here of the asking party's log: its own content, to it alone.

        The counter rises with every ask, so that a captured one is worth nothing.
        """
        peer = self._peer(body)
        ask = verify_ask(body, peer, self._party, DISCLOSURES)
        newest = max(memory.counters[peer.name], self._counters.get(peer.name, 0))
        if ask.counter <= newest:
            raise Replayed(newest)
        self._counters[peer.name] = ask.counter
        size = memory.mirrors[peer.name].size
        end = min(size, ask.first + limits.RETURNED_LEAVES_MAX)
        opened = memory.log.store.disclosures(peer.name, ask.first, end)
        return encode_page(opened, end, size)

    def _peer(self, body: bytes) -> Party:
        name = ask_sender(body)
        if self._agreement is None:
            raise Forbidden("there is no agreement here, and so no peer")
        peer = self._agreement.party(name)
        if peer is None or name == self._party:
            raise NotAuthenticated(f"{name[:200]!r} is no peer of {self._party}")
        return peer


async def ask_word(transport: AskTransport, peer: Party, party: str, agreement: str,
                   keys: NodeKeys, counter: int = 0) -> Word:
    """The word of a peer on the own log; it binds the peer where there is a counter.

    Raises Unavailable, or why it does not count.
    """
    ask = new_ask(party, peer.name, agreement, counter=counter)
    text = await _asked(transport, peer, ask, keys, limits.WORD_BYTES_MAX)
    return verify_word(text, peer, ask)


async def ask_disclosures(transport: AskTransport, peer: Party, ask: Ask, keys: NodeKeys) -> bytes:
    """A page of the own disclosures that a peer holds."""
    return await _asked(transport, peer, ask, keys,
                        2 * limits.RETURNED_BYTES_MAX + limits.DISCLOSURE_BYTES_MAX)


async def _asked(transport: AskTransport, peer: Party, ask: Ask, keys: NodeKeys, bytes_max: int
                 ) -> bytes:
    status, text = await transport.ask(peer.base_url, ask.about, sign_ask(ask, keys.channel),
                                       bytes_max)
    if status != 200:
        raise Unavailable(f"{peer.name} answers {status} where it was asked for what it holds of "
                          "our log")
    return text
