"""What a node holds in memory: logs, mirrors and the state, all of it computed from its store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from luftrom import limits
from luftrom.agreement.terms import Agreement
from luftrom.audit.equivocation import kind_of, make_equivocation
from luftrom.clock import NS_PER_S, Clock
from luftrom.config.keys import NodeKeys
from luftrom.errors import BadInput, BadStatement, TwoCheckpoints, Unverified
from luftrom.exchange.message import Message
from luftrom.exchange.refused import Refused
from luftrom.exchange.sending import Position, Shown, build_message
from luftrom.logs.fork import Fork
from luftrom.logs.head import Head
from luftrom.logs.mirror import Mirror
from luftrom.logs.own import OwnLog
from luftrom.node.evidence import BAD_STATEMENT, VOID, breaks_channel, void_proof
from luftrom.node.new_log import proofs_that_count
from luftrom.node.peer_work import PeerWork
from luftrom.node.step import Step
from luftrom.state.loading import load_state
from luftrom.statements.kinds import KINDS
from luftrom.statements.opening import Item
from luftrom.store.protocol import Store


class Memory:
    """A copy of what the disk says. It is thrown away and made anew where the two may differ."""

    def __init__(self, party: str, keys: NodeKeys, agreement: Agreement | None, store: Store,
                 clock: Clock, signed: Mapping[str, Refused],
                 promised: Mapping[str, tuple[int, int]], forks: Mapping[str, Fork] | None = None):
        me = agreement.party(party) if agreement else None
        if agreement and me is None:
            raise BadInput(f"{party} is not a party of the agreement {agreement.name}")
        peers = [p for p in agreement.parties if p is not me] if agreement else []
        self.party, self.agreement, self.clock = party, agreement, clock
        self.log = OwnLog(store, party, me.log_origin if me else f"{party}/log", keys.log)
        proceeds = agreement is not None and agreement.silence.mode == "proceed"
        self.mirrors = {p.name: Mirror(store, p, keys.mirror, proceeds) for p in peers}
        self.counters = {p.name: store.counter(f"exchange {p.name}") for p in peers}
        proofs = list(proofs_that_count(store, agreement))
        self.broken = {name for name, kind in proofs if breaks_channel(kind)}
        self._voids = Counter(name for name, kind in proofs if kind == VOID)
        # What was refused is kept once: the log that holds it cannot go on without it.
        self.refused = {name for name, kind in proofs if kind == BAD_STATEMENT}
        self.signed = signed               # what else peers signed, and was refused
        self.promised = promised           # what our heads said before a restore; see `gate`
        self.work = PeerWork(len(peers))
        self.state = load_state(store, party, agreement, forks)
        self._uncounted = list(self.state.forks.ends.items())
        for name in self.forked & self.mirrors.keys():
            self.broken.add(name)
            self.mirrors[name].count_no_more(self.state.progress.applied.get(name, 0))
        self._recall_heads()
        # Readers may have seen revisions that this memory never reached: go on above them.
        self.state.entities.revision += store.counter("revision")

    def _recall_heads(self) -> None:
        """What peers have acknowledged in the newest head of each; proofs are in the store."""
        for name, mirror in self.mirrors.items():
            for each in mirror.acknowledged:
                self.hear_head(name, each.size, each.opened)
        self.state.acknowledged.take_false()

    def hear_head(self, peer: str, size: int, opened: int) -> None:
        """A peer's head, of which every leaf is mirrored here, says how much of ours is open to it:
        no ruling of its that comes behind may count less and name us as silent."""
        if self.state.entities.proceeds:
            self.state.acknowledged.note(peer, self.party, size, opened)

    @property
    def forked(self) -> frozenset[str]:
        """The parties whose fork is proven: nobody waits for them any more."""
        return frozenset(self.state.forks.known)

    def drop_other_histories(self, step: Step) -> None:
        """What was uploaded of a forked log is in nobody's way, whichever history it is of."""
        for name in self.forked & self.mirrors.keys():
            self.mirrors[name].drop_pending(step.writes)

    def take_uncounted(self) -> list[tuple[str, int]]:
        """From where on leaves of forkers count no more, once: the index may hold rows of them."""
        rows, self._uncounted = self._uncounted, []
        return rows

    # -- what peers are told -----------------------------------------------------------------

    def message_to(self, peer: str, at: Position) -> Message:
        """The message for a peer that stands at `at`."""
        shown = Shown(lambda index: self.is_due(peer, index),
                      lambda party, index: self.state.audience(party, index).includes(peer),
                      lambda size: self.state.knowledge.seen(self.party, size),
                      self.state.forks.ends)
        message = build_message(self.log, self.mirrors, peer, at, shown,
                                self.clock.now_ns() // NS_PER_S)
        mirror = self.mirrors[peer]
        here = mirror.size, mirror.opened_size
        if here != self._said(peer):
            # Its own log comes again: where we really stand, which the head cannot say.
            message = replace(message, known={**message.known, peer: here})
        return message

    def _said(self, peer: str) -> tuple[int, int]:
        """How much of a peer's log our heads say to be mirrored and open.

        Numbers only grow, also where a disk was lost: what was signed for is being fetched again.
        """
        mirror, promised = self.mirrors[peer], self.promised.get(peer, (0, 0))
        return max(mirror.given_size, promised[0]), max(mirror.opened_size, promised[1])

    def head_to(self, peer: str, counter: int) -> Head:
        """Where our log stands and what we hold of a peer's, all of it durable; not signed yet."""
        mirrored, opened = self._said(peer)
        return Head(self.party, peer, self.agreement.digest if self.agreement else "", counter, "",
                    self.log.size, self.log.root, mirrored, opened,
                    self.clock.now_ns() // NS_PER_S)

    def is_due(self, peer: str, index: int) -> bool:
        """May what an own leaf committed to be opened to a peer now?

        What is sealed waits until every party has receipted the leaf, or was passed over: whoever
        is shown it has signed that it did not know of it before, or is named. Who forked is shown
        nothing.
        """
        if not self.state.audience(self.party, index).includes(peer):
            return False
        record = self.state.entities.records.get((self.party, index))
        if (record is None or not KINDS[record.kind].sealed
                or self.agreement is None or not self.agreement.sealed):
            return True
        silent = {*record.passed_over, *(record.ruling.unacknowledged if record.ruling else ()),
                  *self.forked}
        return self.mirrors[peer].receipt_size > index and all(
            mirror.receipt_size > index or name in silent
            for name, mirror in self.mirrors.items())

    @property
    def due_size(self) -> int:
        """Up to where every party has receipted the own log, or was passed over, or forked."""
        receipted = min((mirror.receipt_size for name, mirror in self.mirrors.items()
                         if name not in self.forked), default=0)
        return max(receipted, self.state.entities.passed_size.get(self.party, 0))

    def head_of(self, peer: str) -> str:
        """The newest signed head of a peer that is held here, as it came; empty if there is none.
        """
        head = self.mirrors[peer].head
        return head.text if head else ""

    def keep_void(self, item: Item[Any, Any], step: Step) -> None:
        """Keep what a peer signed outside the agreement's terms, or what is no content at all.

        Neither stops anything; the first of them are kept, and all stand in its log.
        """
        statement, party = item.statement, item.statement.party
        if item.void:
            self.keep_proof(Unverified(item.void, code="void", evidence=BadStatement(
                party, statement.leaf, item.disclosures)), step)
            return
        self.refused.discard(party)
        record = self.state.entities.records.get((party, statement.index))
        row = void_proof(record, statement.leaf, item.disclosures) if record else None
        if row is not None and self._voids[party] < limits.VOID_PROOFS_MAX:
            self._voids[party] += 1
            step.writes.proofs.append(row)

    def keep_proof(self, error: Unverified, step: Step) -> None:
        """Put what a refusal proves into the step's transaction.

        Two histories break the channel for good. A single bad statement does not: the peer may run
        a later version whose statements this one cannot read, and goes on once it can. Until then
        nothing behind that statement enters, for a log has no gaps; the channel's last error says
        so at both ends, and the statement is kept, once for each peer.
        """
        evidence = error.evidence
        if evidence is None:
            return
        kept = self.refused if isinstance(evidence, BadStatement) else self.broken
        if kept is self.refused and evidence.party in kept:
            return
        kept.add(evidence.party)
        mirror = self.mirrors.get(evidence.party)
        if (mirror is not None and isinstance(evidence, TwoCheckpoints)
                and mirror.pending[1] in evidence.notes and not mirror.is_pending_whole):
            # Nobody can tell where the two part: it stays a proof, and others' news come in.
            mirror.drop_pending(step.writes)
        document = make_equivocation(evidence, error.code, error.message)
        step.writes.proofs.append((evidence.party, kind_of(type(evidence)), document))
