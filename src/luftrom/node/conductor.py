"""The conductor: requests and peers' messages in, one transaction and then the answers out.

It is synchronous and reads no clock but the one it is given, so that a simulation can drive it
through thousands of schedules; `luftrom.node` gives it threads and a network. One step is

1. take in what peers say: verify, mirror, apply;
2. do what clients ask: check, sign, append, apply;
3. rule on own declarations that every peer has receipted;
4. seal: a checkpoint over the new leaves, receipts for what was mirrored.

Then the caller commits `Step.writes` in one synced transaction and calls `publish`, which alone
lets anything out. A crash anywhere before the commit leaves nothing of the step; after it, all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from luftrom import limits
from luftrom.agreement.terms import Agreement
from luftrom.airspace.intent import OFF_NOMINAL_STATES, Intent, check_transition, derive_ovn
from luftrom.airspace.sentences import refusal_sentence
from luftrom.audit.equivocation import make_equivocation, run_of_leaves
from luftrom.clock import NS_PER_S, Clock
from luftrom.config.keys import NodeKeys
from luftrom.errors import (
    BadInput,
    Conflict,
    Forbidden,
    LuftromError,
    NotAcknowledged,
    NotFound,
    Unavailable,
    Unverified,
)
from luftrom.exchange.message import Message
from luftrom.exchange.sending import build_message
from luftrom.exchange.verification import (
    BAD_STATEMENT,
    CONTRADICTION,
    VerifiedMessage,
    verify_message,
)
from luftrom.logs import submission
from luftrom.logs.mirror import Mirror
from luftrom.logs.own import OwnLog
from luftrom.node import requests as ask
from luftrom.node.refusals import MissingKey
from luftrom.node.requests import Against, Outcome, Reply, Request
from luftrom.state.loading import load_airspace
from luftrom.state.record import PENDING, REFUSED, Record
from luftrom.statements.course import first_leaf_needed
from luftrom.statements.disclosure import make_disclosure
from luftrom.statements.kinds.constraint import NOTICE, encode_notice
from luftrom.statements.kinds.declaration import DETAILS, encode_intent
from luftrom.statements.statement import Statement, StatementSigner, parse_statement
from luftrom.store.protocol import Store, Writes

_RULINGS_IN_LEAF_MAX = 128
_AGAINST_MAX = 16


@dataclass(slots=True)
class Step:
    """One transaction in the making, and what is to be said once it is durable."""

    time_ns: int
    elapsed_ns: int
    writes: Writes = field(default_factory=Writes)
    note: bytes | None = None
    seen: dict[str, Any] | None = None
    is_urgent: bool = False                # holds a statement that others should have at once
    answers: list[tuple[Reply, Callable[[], Any]]] = field(default_factory=list)
    waiting: dict[int, tuple[Reply, int]] = field(default_factory=dict)

    def then(self, reply: Reply, result: Callable[[], Any]) -> None:
        """After the commit, reply with what `result` returns."""
        self.answers.append((reply, result))


class _Contradiction(Exception):
    """A peer's signed statements contradict each other; memory may hold half of them."""

    def __init__(self, request: ask.Hear, error: Unverified):
        super().__init__(str(error))
        self.request, self.error = request, error


@dataclass(frozen=True, slots=True)
class _Found:
    """A contradiction, its proof, and the request whose whole answer it is."""

    request: ask.Hear
    error: Unverified
    proof: bytes

    @property
    def peer(self) -> str:
        return self.request.message.sender


class Conductor:
    """All state of one node, computed from its store. One caller at a time."""

    def __init__(self, party: str, keys: NodeKeys, agreement: Agreement | None, store: Store,
                 clock: Clock):
        self.party = party
        self.agreement = agreement
        self.store = store
        self.clock = clock
        self._keys = keys
        self._signer = StatementSigner(party, keys.statements)
        self._waiting: dict[int, tuple[Reply, int]] = {}   # own leaf -> reply, deadline
        self._handlers: dict[type, Callable[[Any, Step], None]] = {
            ask.Declare: self._declare, ask.Withdraw: self._withdraw,
            ask.GiveNotice: self._give_notice, ask.WithdrawNotice: self._withdraw_notice,
            ask.Notify: self._notify, ask.Remember: self._remember}
        self.load()

    # -- start, and the only way back when memory and store may differ -----------------------

    def load(self) -> None:
        """Compute everything anew from the store."""
        agreement, store = self.agreement, self.store
        me = agreement.party(self.party) if agreement else None
        if agreement and me is None:
            raise BadInput(f"{self.party} is not a party of the agreement {agreement.name}")
        peers = [p for p in agreement.parties if p is not me] if agreement else []
        self.log = OwnLog(store, self.party, f"{self.party}/log", self._keys.log)
        self.mirrors = {p.name: Mirror(store, p, self._keys.mirror) for p in peers}
        self.counters = {p.name: store.counter(f"exchange {p.name}") for p in peers}
        proofs = store.proofs()
        self.broken = {party for party, kind, _ in proofs if kind != BAD_STATEMENT}
        # What was refused is kept once: the log that holds it cannot go on without it.
        self._refused = {party for party, kind, _ in proofs if kind == BAD_STATEMENT}
        self.closed: set[int] = set()
        self.airspace = load_airspace(store, self.party, agreement, self.closed)
        # Readers may have seen revisions that this memory never reached: go on above them.
        self.airspace.revision += store.counter("revision")

    # -- a step ------------------------------------------------------------------------------

    def step(self, requests: Sequence[Request]) -> Step:
        """Work through requests and everything that is due; nothing is shown before `publish`."""
        contradictions: list[_Found] = []
        while True:
            step = Step(self.clock.now_ns(), self.clock.elapsed_ns())
            try:
                return self._attempt(requests, step, contradictions)
            except _Contradiction as found:
                # What the peer said is half applied: forget it all and keep the proof.
                request, error = found.request, found.error
                peer = request.message.sender
                contradictions.append(
                    _Found(request, error, make_equivocation(CONTRADICTION, peer, error)))
                requests = [r for r in requests if r is not request]
                self.load()

    def _attempt(self, requests: Sequence[Request], step: Step,
                 contradictions: Sequence[_Found]) -> Step:
        for found in contradictions:
            self.broken.add(found.peer)
            step.writes.proofs.append((found.peer, CONTRADICTION, found.proof))
            step.then(found.request.reply, lambda error=found.error: _raise(error))
        for request in requests:
            if isinstance(request, ask.Hear | ask.Submit):
                self._take(request, step)
        self._open_log(step)
        for request in requests:
            if handler := self._handlers.get(type(request)):
                self._try(handler, request, step)
        self._rule(step)
        self._seal(step)
        return step

    def _try(self, handle: Callable[[Any, Step], None], request: Request, step: Step) -> None:
        """A handler raises before it changes anything; then the refusal is the whole answer."""
        try:
            handle(request, step)
        except LuftromError as error:
            request.reply(None, error)

    def _take(self, request: ask.Hear | ask.Submit, step: Step) -> None:
        """Take in what a peer says, or keep the proof of what it should not have said.

        A refusal waits for the commit like every answer: whoever is told that it was caught finds
        the proof kept, and an attempt that is made anew answers once.
        """
        try:
            if isinstance(request, ask.Hear):
                self._hear(request, step)
            else:
                self._submit(request, step)
        except LuftromError as error:
            self._keep_proof(error, step)
            step.then(request.reply, lambda error=error: _raise(error))

    def _keep_proof(self, error: LuftromError, step: Step) -> None:
        """Put what a refusal proves into the step's transaction.

        Two histories break the channel for good. A single bad statement does not: the peer may run
        a later version whose statements this one cannot read, and goes on once it can. Until then
        nothing behind that statement enters, for a log has no gaps; the channel's last error says
        so at both ends, and the statement is kept, once for each peer.
        """
        kind, peer = error.detail.get("kind"), error.detail.get("party")
        if kind is None:
            return
        if kind == BAD_STATEMENT:
            if peer in self._refused:
                return
            self._refused.add(peer)
        else:
            self.broken.add(peer)
        step.writes.proofs.append((peer, kind, make_equivocation(kind, peer, error)))

    def _seal(self, step: Step) -> None:
        time_s = step.time_ns // NS_PER_S
        if self.log.tree.size > self.log.size:
            step.note = self.log.seal(step.writes, time_s)
        for mirror in self.mirrors.values():
            mirror.give_receipt(step.writes, time_s)
        rows = self.airspace.take_dirty()
        if rows:
            step.writes.airspace += rows
            step.writes.counters.append(("revision", self.airspace.revision))

    def publish(self, step: Step) -> None:
        """The step is durable: show it and answer."""
        if step.note is not None:
            self.log.publish(step.note)
        for mirror in self.mirrors.values():
            mirror.publish()
        self._waiting.update(step.waiting)
        self.airspace.collect()
        for reply, result in step.answers:
            try:
                answer = result()
            except LuftromError as error:
                reply(None, error)
            else:
                reply(answer, None)

    def fail(self, step: Step, error: LuftromError) -> None:
        """The commit failed, and may have left its rows or not: say so, and start from the store.

        What did become durable is found by `load` and ruled on like after a crash.
        """
        unknown = Unavailable(f"{error.message}; whether it was recorded is not known: ask again",
                              code="not_recorded")
        for reply, _ in (*step.answers, *step.waiting.values()):
            reply(None, unknown)
        self.load()

    def abandon(self, error: LuftromError) -> None:
        """Tell everybody who still waits that no answer will come."""
        waiting, self._waiting = self._waiting, {}
        for reply, _ in waiting.values():
            reply(None, error)

    def next_deadline_ns(self) -> int | None:
        """When a step is due without any request, in `elapsed_ns`; None if never."""
        return min((deadline for _, deadline in self._waiting.values()), default=None)

    # -- peers -------------------------------------------------------------------------------

    def _hear(self, request: ask.Hear, step: Step) -> None:
        message = request.message
        mirror = self.mirrors[message.sender]
        if message.sender in self.broken:
            raise Forbidden(f"the channel with {message.sender} is broken: a proof of two "
                            "histories is kept", code="broken")
        if request.counter is not None:
            if request.counter <= self.counters[message.sender]:
                raise Conflict("this message, or a later one, was already taken", code="replayed",
                               detail={"counter": self.counters[message.sender]})
            self.counters[message.sender] = request.counter
            step.writes.counters.append((f"exchange {message.sender}", request.counter))
        others = {name: m for name, m in self.mirrors.items() if m is not mirror}
        verified = verify_message(message, mirror, {self.party: self.log, **others},
                                  self.agreement, self.airspace.last_seen.get(message.sender, {}),
                                  step.time_ns // NS_PER_S, request.proven)
        self._check_receipt(mirror, message)
        self._take_in(request, mirror, verified, step)
        if request.counter is None:
            step.then(request.reply, lambda: None)
        else:
            step.then(request.reply,
                      lambda: self.message_to(mirror.party, message.have, mirrored=message.have))

    def _check_receipt(self, mirror: Mirror, message: Message) -> None:
        if not message.receipt_size:
            return
        if message.receipt_size > self.log.size:
            raise Unverified(f"a receipt for {message.receipt_size} of our leaves; there are "
                             f"{self.log.size}")
        if message.receipt_size > mirror.receipt_size:
            mirror.verify_receipt(self.log, message.receipt_size, message.receipt)

    def _take_in(self, request: ask.Hear, mirror: Mirror, verified: VerifiedMessage,
                 step: Step) -> None:
        message, body = verified.message, verified.checkpoint.checkpoint
        mirror.hold(message.leaves[mirror.tree.size - message.first:], step.writes)
        mirror.move(body, message.checkpoint, step.writes)
        for item in verified.items:
            try:
                self.airspace.check_rulings(item.statement, self.party, mirror.receipted_size)
                self.airspace.apply(item.statement, item.intent, item.notice, item.ovn)
            except Unverified as error:
                error.detail["leaves"] = self._run_up_to(item.statement)
                raise _Contradiction(request, error) from None
            step.writes.disclosures += [(mirror.party, item.statement.index, n, disclosure)
                                        for n, disclosure in enumerate(item.disclosures)]
        if verified.items:
            self._refused.discard(mirror.party)
            mirror.apply_up_to(body.size, step.writes)
        if message.receipt_size:
            self.airspace.acknowledge(self.party, mirror.party, mirror.receipt_size,
                                      message.receipt_size)
            mirror.take_receipt(self.log, message.receipt_size, body.size, message.receipt,
                                step.writes)

    def _run_up_to(self, statement: Statement) -> list[bytes]:
        """The leaves that show, together with the last of them, what it contradicts."""
        before = self.airspace.latest_of(statement.party, statement.entity_id)
        first = first_leaf_needed(statement, before.index if before else None)
        return run_of_leaves(self.mirrors[statement.party].leaf, first, statement.index + 1)

    def _submit(self, request: ask.Submit, step: Step) -> None:
        mirrors = {m.origin: m for m in self.mirrors.values() if m.party not in self.broken}
        if not request.entries:
            submission.add_checkpoint(request.body, mirrors, step.writes)
            step.then(request.reply, lambda: b"")
            return
        try:
            mirror = submission.add_entries(request.body, mirrors, step.writes)
        except LuftromError as error:
            if error.status != 202:
                raise
            step.then(request.reply, lambda partial=error: _raise(partial))
            return
        step.then(request.reply, lambda: mirror.given_lines)

    def message_to(self, peer: str, have: int, mirrored: int) -> Message:
        """The message for a peer that has applied `have` and mirrored `mirrored` own leaves."""
        return build_message(self.log, self.mirrors[peer], have, mirrored, self.closed,
                             self.clock.now_ns() // NS_PER_S)

    # -- clients -----------------------------------------------------------------------------

    def _declare(self, request: ask.Declare, step: Step) -> None:
        intent = request.intent
        if len(self._waiting) + len(step.waiting) >= limits.WAITING_DECLARATIONS_MAX:
            raise Unavailable(f"{limits.WAITING_DECLARATIONS_MAX} declarations already wait")
        before = self._before(intent.entity_id, "operational intent")
        standing = self._standing(intent.entity_id, request.ovn, intent.manager)
        check_transition(standing.intent.state if standing else None, intent.state)
        intent = self._with_key(intent, request.require_key, step.time_ns // NS_PER_S)
        version = before.version + (before.status != REFUSED) if before else 1
        claims = encode_intent(intent)
        disclosures = [make_disclosure(name, value) for name, value in claims]
        details = disclosures[[name for name, _ in claims].index(DETAILS)]
        statement = self._append(step, "declaration", disclosures,
                                 entity={"id": intent.entity_id, "version": version})
        self.airspace.apply(statement, intent,
                            ovn=derive_ovn(intent.entity_id, version, details))
        after_s = self.agreement.silence.after_s if self.agreement else 0
        step.waiting[statement.index] = (request.reply, step.elapsed_ns + int(after_s * NS_PER_S))

    def _with_key(self, intent: Intent, require_key: bool, time_s: int) -> Intent:
        """The intent with those OVNs of its key that matter, which are then part of the record."""
        if intent.state in OFF_NOMINAL_STATES or not (intent.key or require_key):
            return replace(intent, key=frozenset()) if intent.key else intent
        relevant = self.airspace.relevant(intent, self.party, time_s)
        missing = [record for record in relevant if record.ovn not in intent.key]
        if require_key and missing:
            raise MissingKey(tuple(missing))
        return replace(intent, key=intent.key & {record.ovn for record in relevant})

    def _before(self, entity_id: str, what: str) -> Record | None:
        """The newest own record under an identifier, which must be of the same kind and ruled.

        What stands here is ours, whoever else uses its identifier later.
        """
        before = self.airspace.latest_of(self.party, entity_id)
        other = self.airspace.foreign(entity_id, self.party)
        if other is not None and (entity_id, self.party) not in self.airspace.current:
            raise Forbidden(f"{entity_id} is homed at {other.party}, whose node speaks for it")
        if before is not None:
            if (before.notice is None) != (what == "operational intent"):
                raise Conflict(f"{entity_id} is not the identifier of a {what}")
            if before.status == PENDING:
                raise Conflict(f"leaf {before.index} still waits for its ruling", code="pending")
        return before

    def _standing(self, entity_id: str, ovn: str | None, manager: str) -> Record | None:
        standing = self.airspace.current.get((entity_id, self.party))
        if standing is None:
            if ovn is not None:
                raise NotFound(f"there is no operational intent {entity_id}")
            return None
        content = standing.intent or standing.notice
        if content.manager != manager:
            raise Forbidden(f"{entity_id} belongs to {content.manager}")
        if ovn is None:
            raise Conflict(f"{entity_id} exists; name its OVN to change it", code="exists")
        if ovn != standing.ovn:
            raise Conflict("the OVN is not that of the standing version", code="stale_ovn",
                           field="ovn")
        return standing

    def _withdraw(self, request: ask.Withdraw, step: Step) -> None:
        self._before(request.entity_id, "operational intent")
        standing = self.airspace.current.get((request.entity_id, self.party))
        ovn = request.ovn or (standing.ovn if standing else "")
        record = self._standing(request.entity_id, ovn, request.manager)
        self._end(record, "withdrawal", "", step)
        step.then(request.reply, lambda: record)

    def _end(self, record: Record, kind: str, reason: str, step: Step) -> None:
        claims: dict[str, Any] = {"reason": reason} if reason else {}
        statement = self._append(
            step, kind, of=record.index,
            entity={"id": record.entity_id, "version": record.version}, **claims)
        self.airspace.apply(statement)

    def _give_notice(self, request: ask.GiveNotice, step: Step) -> None:
        notice = request.notice
        before = self._before(notice.entity_id, "notice")
        if before is not None and before.notice.manager != notice.manager:
            raise Forbidden(f"{notice.entity_id} belongs to {before.notice.manager}")
        version = before.version + 1 if before else 1
        disclosures = [make_disclosure(name, value) for name, value in encode_notice(notice)]
        statement = self._append(step, "notice", disclosures,
                                 entity={"id": notice.entity_id, "version": version})
        self.airspace.apply(statement, notice=notice,
                            ovn=derive_ovn(notice.entity_id, version, disclosures[0]))
        step.then(request.reply, lambda: self.airspace.records[self.party, statement.index])

    def _withdraw_notice(self, request: ask.WithdrawNotice, step: Step) -> None:
        self._before(request.entity_id, NOTICE)
        record = self.airspace.current.get((request.entity_id, self.party))
        if record is None:
            raise NotFound(f"there is no notice {request.entity_id}")
        if record.notice.manager != request.manager:
            raise Forbidden(f"{request.entity_id} belongs to {record.notice.manager}")
        self._end(record, "notice_withdrawal", "", step)
        step.then(request.reply, lambda: record)

    def _notify(self, request: ask.Notify, step: Step) -> None:
        document = {"manager": request.manager, "notification": dict(request.document)}
        statement = self._append(step, "notification",
                                 [make_disclosure("notification", document)])
        self.closed.add(statement.index)
        self.airspace.apply(statement)
        step.then(request.reply, lambda: None)

    def _remember(self, request: ask.Remember, step: Step) -> None:
        step.writes.answers.append((request.key, request.digest, request.answer))
        step.then(request.reply, lambda: None)

    # -- the own log -------------------------------------------------------------------------

    def _open_log(self, step: Step) -> None:
        """The first statement under an agreement says so; what follows rests on it."""
        if self.agreement and self.party not in self.airspace.last_seen:
            self.airspace.apply(self._append(step, "agreement"))

    def _append(self, step: Step, kind: str, disclosures: Sequence[bytes] = (),
                **claims: Any) -> Statement:
        """Sign a statement and stage it behind the last; it counts once it is committed."""
        if step.seen is None:
            step.seen = {name: {"size": mirror.applied, "root": mirror.tree.root(mirror.applied)}
                         for name, mirror in self.mirrors.items()}
        head = {"type": kind, "index": self.log.tree.size, "iat": step.time_ns // NS_PER_S}
        if self.agreement:
            head |= {"agreement": self.agreement.digest, "seen": step.seen}
        step.is_urgent = step.is_urgent or kind != "ruling"
        leaf = self._signer.sign(head | claims, disclosures)
        self.log.stage(leaf, disclosures, step.writes)
        return parse_statement(leaf)

    def _rule(self, step: Step) -> None:
        """Rule on own declarations: all that every peer has receipted, and those out of time."""
        rulings = []
        for record in self.airspace.unruled(self.party):
            silent = tuple(sorted(name for name, mirror in self.mirrors.items()
                                  if mirror.receipt_size <= record.index))
            if silent and not self._is_late(record, step):
                continue
            if silent and self.agreement.silence.mode == "hold":
                self._give_up(record, silent, step)
                continue
            lost = self.airspace.verdict(record)
            rulings.append({
                "index": record.index, "accepted": not lost, "unacknowledged": list(silent),
                "against": [[r.party, r.index, rule] for r, rule in lost[:_AGAINST_MAX]]})
        for start in range(0, len(rulings), _RULINGS_IN_LEAF_MAX):
            batch = rulings[start:start + _RULINGS_IN_LEAF_MAX]
            self.airspace.apply(self._append(step, "ruling", rulings=batch))
        for ruling in rulings:
            reply, record = self._reply_of(ruling["index"], step)
            step.then(reply, lambda record=record: self.outcome(record))

    def _is_late(self, record: Record, step: Step) -> bool:
        waiting = self._waiting.get(record.index) or step.waiting.get(record.index)
        if waiting:
            return step.elapsed_ns >= waiting[1]
        # Nobody waits: declared before a restart. Its own time stands in for the deadline.
        return step.time_ns >= record.iat_s * NS_PER_S + self.agreement.silence.after_s * NS_PER_S

    def _give_up(self, record: Record, silent: tuple[str, ...], step: Step) -> None:
        reason = f"no receipt from {', '.join(silent)}"
        self._end(record, "withdrawal", reason, step)
        error = NotAcknowledged(f"not acknowledged: {reason} within "
                                f"{self.agreement.silence.after_s:g} s; nothing was accepted")
        step.then(self._reply_of(record.index, step)[0], lambda: _raise(error))

    def _reply_of(self, index: int, step: Step) -> tuple[Reply, Record]:
        reply, _ = (self._waiting.pop(index, None) or step.waiting.pop(index, None)
                    or (_nobody, 0))
        return reply, self.airspace.records[self.party, index]

    def outcome(self, record: Record) -> Outcome:
        """What became of a ruled declaration, with the reasons as sentences."""
        against = tuple(Against(other, rule, refusal_sentence(rule, other.name, other.party))
                        for other, rule in self.against(record))
        return Outcome(record, record.ruling.accepted, against, record.ruling.unacknowledged)

    def against(self, record: Record) -> list[tuple[Record, str]]:
        """Whom a ruling names as those the declaration lost to, as far as they are held here."""
        named = ((self.airspace.records.get((party, index)), rule)
                 for party, index, rule in (record.ruling.against if record.ruling else ()))
        return [(other, rule) for other, rule in named if other is not None]


def _raise(error: LuftromError) -> None:
    raise error


def _nobody(result: Any, error: LuftromError | None) -> None:
    """Whoever asked is gone: declared before a restart."""
