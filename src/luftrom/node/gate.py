"""The gate: nobody signs blind (DESIGN.md, rule 7; PROTOCOL.md, 19).

In go what the examination of the store and of the directory found, and peers' words on the own
log; out comes whether this node signs anything, and if not why, with the mend. It decides and does
no I/O; `courier` brings the words, `conductor` asks before each step.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from luftrom.agreement.party import Party
from luftrom.errors import LuftromError, Unavailable, Unverified
from luftrom.exchange.word import Word
from luftrom.logs.head import verify_head
from luftrom.logs.signed import verify_party_checkpoint, verify_receipt_note
from luftrom.node.memory import Memory
from luftrom.node.wholeness import Fault
from luftrom.statements.kinds.restored import PeerWord, Restored
from luftrom.transparency.note import parse_vkey

# The states, as they are shown.
OPEN, ASKING, SUSPECT, DAMAGED = "open", "asking", "suspect", "damaged"
BEHIND, FORKED, CATCHING_UP, CLOCK_OFF = "behind", "forked", "catching_up", "clock_off"


class NotWhole(Unavailable):
    """The node signs nothing now: its log may not be the whole of it (503)."""

    code = "not_whole"


@dataclass(frozen=True, slots=True)
class Gated:
    """Where the gate stands: one of its states, why, and what to do."""

    state: str
    reasons: tuple[str, ...] = ()
    mend: str = ""

    @property
    def is_shut(self) -> bool:
        """Does the node neither sign nor take in anything?"""
        return self.state not in (OPEN, CATCHING_UP)


class Gate:
    """Open at once unless it is told to wait for words, to doubt, or of faults.

    `doubts` say why the directory may be an old copy; `faults` are of its store. `own` and `peers`
    are those of the agreement; without an own party there is nothing to doubt. `lost` are own
    leaves whose content nobody has, `reason` is an operator's to go on without words, and
    `settled` is called when the doubts are over and recorded.
    """

    def __init__(self, own: Party | None = None, peers: Iterable[Party] = (), *,
                 doubts: tuple[str, ...] = (), faults: tuple[Fault, ...] = (),
                 lost: tuple[int, ...] = (), reason: str = "", agreement: str = "",
                 settled: Callable[[], None] = lambda: None):
        self._own, self._peers = own, {peer.name: peer for peer in peers}
        self._agreement = agreement
        self.doubts, self.faults, self.reason = doubts, faults, reason
        self.words: dict[str, Word] = {}
        self.lost = lost
        self.clock_off = ""                # why our own clock is not to be trusted
        self._silent: set[str] = set()
        self._more: dict[str, int] = {}
        self._forks: dict[str, int] = {}
        # By peer: how much of its log we had signed to have mirrored and opened.
        self.promised: dict[str, tuple[int, int]] = {}
        self._settled = settled
        self.is_settled = not doubts

    # -- what is heard -----------------------------------------------------------------------

    def hear(self, word: Word, memory: Memory) -> None:
        """A verified word of a peer. Raises Unverified if it proves nothing on our log.

        "Holds more" counts only with a checkpoint signed by the own key.
        """
        if self._own is None:
            return
        if word.agreement != self._agreement:
            raise Unverified(f"{word.sender} gives its word under another agreement",
                             code="other_agreement")
        if word.size:
            self._compare(word, self._own, memory)
        if word.receipt:
            keys = [parse_vkey(vkey) for vkey in self._own.keys.mirror]
            body = verify_receipt_note(word.receipt, keys, self._peers[word.sender])
            self._promise(word.sender, body.size, 0)
        if word.head:
            head = verify_head(word.head, self._own.name, word.sender, self._own.keys.channel)
            self._promise(word.sender, head.mirrored, head.opened)
        self.words[word.sender] = word
        self._silent.discard(word.sender)

    def _promise(self, peer: str, mirrored: int, opened: int) -> None:
        before = self.promised.get(peer, (0, 0))
        self.promised[peer] = max(before[0], mirrored), max(before[1], opened)

    def _compare(self, word: Word, own: Party, memory: Memory) -> None:
        try:
            body = verify_party_checkpoint(word.checkpoint, own)
        except LuftromError as error:
            raise Unverified(f"{word.sender} shows no checkpoint that our log key signed: {error}"
                             ) from None
        if (body.size, body.root) != (word.size, word.root):
            raise Unverified(f"the word of {word.sender} is on {word.size} leaves, its checkpoint "
                             f"on {body.size}")
        log = memory.log
        if body.size > log.size:
            self._more[word.sender] = body.size
        elif log.tree.root(body.size) != body.root:
            self._forks[word.sender] = body.size

    def missed(self, peer: str) -> None:
        """A peer gave no word when it was asked."""
        self._silent.add(peer)

    def settle(self) -> None:
        """What was in doubt has been recorded: from now on this directory is the one."""
        if not self.is_settled:
            self.is_settled = True         # whatever becomes of the marks: the log says so now
            self._settled()

    # -- where it stands ---------------------------------------------------------------------

    def stand(self, memory: Memory) -> Gated:
        """What this node may do now."""
        if self.faults:
            mends = dict.fromkeys(fault.mend for fault in self.faults)
            return Gated(DAMAGED, tuple(map(str, self.faults)), "; ".join(mends))
        own = self._own.name if self._own else ""
        if own in memory.forked:
            return Gated(FORKED, (
                f"a peer tells, with the proof, that {own} signed two histories of its log: nobody "
                "waits for it any more, or counts what it signed behind their common "
                f"{memory.state.forks.ends[own]} leaves",),
                "stop every copy of this node but one; the parties can agree on a next version in "
                "which this party has a new log")
        if self._forks:
            return Gated(FORKED, tuple(
                f"{peer} holds {size} leaves of our log, signed by our key, which are not those "
                "here: this log was continued elsewhere" for peer, size in self._forks.items()),
                "stop every copy of this node but one; if what is here cannot be thrown away, "
                "`luftrom channel new-log` goes on with a new log")
        if self._more:
            return Gated(BEHIND, tuple(
                f"{peer} holds {size} leaves of our log; {memory.log.size} are here"
                for peer, size in self._more.items()),
                "stop the node, then `luftrom restore --from-peers`")
        return self._doubted(memory.forked) or self._late(memory)

    def _doubted(self, forked: frozenset[str]) -> Gated | None:
        left = sorted(self._peers.keys() - self.words.keys() - forked)
        if not self.is_settled and not self.reason and (left or not self._peers):
            wait = (f"wait for the word of {', '.join(left)}" if left
                    else "there is no peer to ask")
            return Gated(SUSPECT, self.doubts,
                         f"{wait}; or, if this is the only and the newest copy, stop the node and "
                         "`luftrom channel go-on --reason TEXT`")
        if left := [peer for peer in left if peer not in self._silent]:
            return Gated(ASKING, (f"{', '.join(left)} has not been asked yet what it holds",),
                         "nothing: it takes some seconds")
        return None

    def _late(self, memory: Memory) -> Gated:
        """Words are in. What the own statements and receipts had seen must be here as well."""
        seen = memory.state.progress.last_seen.get(memory.party, {})
        lacks = []
        for peer, mirror in memory.mirrors.items():
            promised, opened = self.promised.get(peer, (0, 0))
            least = max(seen.get(peer, 0), promised, mirror.given_size)
            if (mirror.size < least or mirror.applied < opened) and peer not in memory.broken:
                lacks.append(f"we had signed for {least} leaves of {peer}; {mirror.size} are "
                             f"here again, {mirror.applied} of them open")
        if lacks:
            return Gated(CATCHING_UP, tuple(lacks), "nothing: the exchange brings them; if it "
                         "does not, ask the peer's operator")
        if self.clock_off:
            return Gated(CLOCK_OFF, (self.clock_off,), "set the clock by NTP")
        return Gated(OPEN)

    @property
    def texts(self) -> tuple[str, ...]:
        """The signed words themselves, by party."""
        return tuple(word.text.decode() for _, word in sorted(self.words.items()))

    @property
    def to_record(self) -> Restored | None:
        """What the first statement says if there was doubt; None if there was none."""
        if self.is_settled:
            return None
        words = tuple(PeerWord(name, word.size, word.root,
                               hashlib.sha256(word.head.encode()).digest())
                      for name, word in sorted(self.words.items()))
        return Restored(words, self.reason)


def refusal(gated: Gated) -> NotWhole:
    """What whoever asks is told while the gate is not open."""
    return NotWhole(f"this node signs nothing now: {'; '.join(gated.reasons)}. Mend: {gated.mend}",
                    code=CLOCK_OFF if gated.state == CLOCK_OFF else None,
                    detail={"wholeness": gated.state})
