"""Hearing: what peers say, and what strangers upload of their logs, is taken into a step."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from luftrom.agreement.terms import Agreement
from luftrom.audit.equivocation import run_of_leaves
from luftrom.clock import NS_PER_S
from luftrom.errors import Contradiction, Forbidden, LuftromError, Unverified
from luftrom.exchange.message import Message
from luftrom.exchange.sending import Position
from luftrom.exchange.verification import (
    Context,
    Learned,
    VerifiedPart,
    counted,
    verify_accusation,
    verify_message,
)
from luftrom.logs import submission
from luftrom.logs.fork import Fork
from luftrom.logs.head import Head
from luftrom.logs.mirror import Mirror
from luftrom.node.memory import Memory
from luftrom.node.refusals import Replayed
from luftrom.node.step import Reply, Step
from luftrom.statements.kinds import KINDS
from luftrom.statements.kinds.ruling import KIND as RULING
from luftrom.statements.leaf import parse_statement
from luftrom.statements.opening import Item
from luftrom.statements.statement import Statement


@dataclass(frozen=True, slots=True)
class Hear:
    """Take in a peer's message, and answer it with a message and its head, still to be signed.

    `proven` is what `exchange.verification.prove_leaves` said of it beforehand.
    """

    message: Message
    head: Head
    reply: Reply[tuple[Message, Head]]
    proven: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class HearAnswer:
    """Take in the answer of a peer to a message of ours; `proven` as in `Hear`."""

    message: Message
    head: Head
    reply: Reply[None]
    proven: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """C2SP tlog-mirror `add-checkpoint`."""

    body: bytes
    reply: Reply[None]


@dataclass(frozen=True, slots=True)
class AddEntries:
    """C2SP tlog-mirror `add-entries`."""

    body: bytes
    reply: Reply[submission.Held | submission.Partial]


@dataclass(frozen=True, slots=True)
class Convict:
    """Take in the proof of a fork that was found by comparing histories (`comparing`)."""

    fork: Fork
    reply: Reply[None]


class Contradicted(Exception):
    """A peer's signed statements contradict each other; memory holds half of them by now.

    `error` is the whole answer to the request, and has the evidence. `request` is None where the
    statements were mirrored in an earlier step.
    """

    def __init__(self, request: Hear | HearAnswer | None, error: Unverified):
        super().__init__(str(error))
        self.request, self.error = request, error

    @property
    def is_of_sender(self) -> bool:
        """Did the sender of the message sign it? It may have handed on what a third party did."""
        return (self.request is not None and self.error.evidence is not None
                and self.error.evidence.party == self.request.head.sender)


def hear(asked: Hear, memory: Memory, step: Step) -> None:
    """Take in a message, and answer with all that its sender lacks once this is durable.

    The counter rises with every message, so that a captured one is worth nothing a second time.
    """
    head, sender = asked.head, asked.head.sender
    _check_channel(sender, memory)
    if head.counter <= memory.counters[sender]:
        raise Replayed(memory.counters[sender])
    memory.counters[sender] = head.counter
    step.writes.counters.append((f"exchange {sender}", head.counter))
    _verify_and_take_in(asked, memory, step)
    at = position_of(asked.message, head)
    step.then(asked.reply, lambda: (memory.message_to(sender, at),
                                    memory.head_to(sender, head.counter)))


def position_of(message: Message, head: Head) -> Position:
    """Where a peer stands: as its head says, or as it says itself where it fetches us again."""
    mirrored, opened = message.known.get(head.recipient, (head.mirrored, head.opened))
    return Position(mirrored, opened, message.known)


def hear_answer(asked: HearAnswer, memory: Memory, step: Step) -> None:
    """Take in an answer."""
    _check_channel(asked.head.sender, memory)
    _verify_and_take_in(asked, memory, step)
    step.then(asked.reply, lambda: None)


def _check_channel(peer: str, memory: Memory) -> None:
    if peer in memory.broken:
        raise Forbidden(f"the channel with {peer} is broken: a proof of two histories is kept",
                        code="broken")


def _verify_and_take_in(asked: Hear | HearAnswer, memory: Memory, step: Step) -> None:
    """Raises the refusal before anything of the message has changed anything, or Contradicted."""
    message, head, agreement = asked.message, asked.head, memory.agreement
    if agreement is None:
        raise Forbidden(f"there is no agreement with {head.sender}")
    try:
        parts = verify_message(message, head, _context(agreement, memory, step, asked.proven))
    except LuftromError:
        for part in message.parts:
            if part.party in memory.mirrors:
                memory.signed[part.party].remember(part, memory.mirrors[part.party])
        memory.signed[head.sender].remember_head(head)
        raise
    for each in parts:
        if each.is_restored:
            memory.signed[each.mirror.party].forget()
            step.writes.forgotten.append(each.mirror.party)
    mirror = memory.mirrors[head.sender]
    counts = head.size == max(parts[0].body.size, mirror.staged_size)
    if counts and mirror.is_news(head.mirrored, message.receipt):
        mirror.verify_receipt(memory.log, head.mirrored, message.receipt)
    _mirror(parts, memory, step)
    _check_silence(asked, memory)
    if counts:
        # Every leaf below the size that the head names is mirrored here by now.
        memory.state.entities.acknowledge(memory.party, mirror.party, mirror.receipt_size,
                                          head.mirrored)
        mirror.take_receipt(memory.log, head, message.receipt, step.writes)
        memory.hear_head(mirror.party, head.size, head.opened)
    else:
        memory.signed[head.sender].remember_head(head)
    _apply(asked, memory, step)


def _context(agreement: Agreement, memory: Memory, step: Step,
             proven: frozenset[int] = frozenset()) -> Context:
    waiting = {(party, statement.index): statement
               for party, queue in memory.state.waiting.items() for statement in queue}
    return Context(memory.log, memory.mirrors, agreement, waiting, memory.signed,
                   step.time_ns // NS_PER_S, proven, memory.state.forks.ends)


def _mirror(parts: Sequence[VerifiedPart], memory: Memory, step: Step) -> None:
    """Hold the leaves of all logs, and note what they had seen in the order of knowledge."""
    state, writes = memory.state, step.writes
    left = []
    for part in parts:
        mirror = part.mirror
        held = mirror.tree.size - mirror.staged_size       # pending entries (`submission`)
        mirror.move(part.body, part.part.checkpoint, writes)
        if part.fresh:
            mirror.hold([statement.leaf for statement in part.fresh[held:]], writes)
            left.append(deque(counted(part, state.forks.ends)))
        for statement, (index, disclosures) in part.openings:
            if not state.is_open(statement.party, index):
                state.open(statement.party, index, disclosures)
                writes.disclosures += [(statement.party, index, n, disclosure)
                                       for n, disclosure in enumerate(disclosures)]
    while any(left):
        for queue in left:
            while queue and state.knowledge.covers(queue[0]):
                state.mirror(queue.popleft())


def go_on(memory: Memory, step: Step) -> None:
    """Apply what is open and rested in an earlier step, as far as the work goes."""
    _apply(None, memory, step)


def _apply(asked: Hear | HearAnswer | None, memory: Memory, step: Step) -> None:
    """Apply of each log what is open now, up to the first leaf that is closed, or that rests on
    one of another log that is.

    Or that takes more work than this step has for its author: then it goes on in the next.
    """
    left = [mirror for mirror in memory.mirrors.values()
            if mirror.party not in memory.broken or mirror.party in memory.forked]
    for mirror in left:
        memory.work.take_up(mirror.party)
    while any([_apply_of(mirror.party, asked, memory, step) for mirror in left]):
        pass


def _apply_of(peer: str, asked: Hear | HearAnswer | None, memory: Memory, step: Step) -> int:
    """How many leaves of one log were applied."""
    count = 0
    while memory.state.is_next_open(peer):
        item = _next_ready(peer, memory, step)
        if item is None:
            memory.work.rest(peer, step)
            break
        _apply_next(item, asked, memory, step)
        count += 1
    return count


def _next_ready(peer: str, memory: Memory, step: Step) -> Item[Any, Any] | None:
    """A peer's next leaf, if all that goes before applying it is done, in this step or before."""
    state, work = memory.state, memory.work
    if work.left(peer, step) <= 0.0:
        return None
    work.spend(peer, step, state.work_of_reading(peer))
    item = state.next_item(peer)
    # What cannot be divided has a step for itself, however much it is.
    is_first = not step.peer_work[peer]
    done, is_ready = state.prepare(item, inf if is_first and item.statement.type == RULING.name
                                   else work.left(peer, step))
    work.spend(peer, step, done)
    return item if is_ready else None


def _apply_next(item: Item[Any, Any], asked: Hear | HearAnswer | None, memory: Memory,
                step: Step) -> None:
    state, statement = memory.state, item.statement
    mirror = memory.mirrors[statement.party]
    try:
        state.check(statement)
        state.apply(item)
    except Unverified as error:
        evidence = Contradiction(mirror.party, _run_up_to(statement, memory))
        raise Contradicted(asked, Unverified(error.message, code=error.code,
                                             evidence=evidence)) from None
    mirror.apply_up_to(statement.index + 1, step.writes)
    memory.keep_void(item, step)
    _check_silence(asked, memory)


def _check_silence(asked: Hear | HearAnswer | None, memory: Memory) -> None:
    """Contradicted where a ruling names as silent whom its author had acknowledged.

    It may have looked lawful before, until somebody's ruling carried the head that shows it.
    """
    for party, index, silent in memory.state.acknowledged.take_false():
        if party not in memory.mirrors or party in memory.broken:
            continue
        false = parse_statement(memory.mirrors[party].leaf(index))
        raise Contradicted(asked, Unverified(
            f"leaf {index} names {silent} as silent, and says that less of the log of {silent} is "
            "open than its author had signed before", code="unlawful_ruling",
            evidence=Contradiction(party, _run_up_to(false, memory))))


def _run_up_to(statement: Statement[Any], memory: Memory) -> tuple[bytes, ...]:
    """The leaves that show, together with the last of them, what it contradicts."""
    def before(entity_id: str) -> int | None:
        record = memory.state.entities.latest_of(statement.party, entity_id)
        return record.index if record else None

    first = KINDS[statement.type].first_needed(statement, before)
    return run_of_leaves(memory.mirrors[statement.party].leaf, first, statement.index + 1)


def convict(asked: Convict, memory: Memory, step: Step) -> None:
    """Raises Learned if it is news, and Unverified if it proves nothing."""
    if memory.agreement is None:
        raise Forbidden("there is no agreement that anybody could break")
    if memory.state.forks.is_news(asked.fork):
        verify_accusation(asked.fork, _context(memory.agreement, memory, step))
        raise Learned(asked.fork)
    step.then(asked.reply, lambda: None)


def add_checkpoint(asked: AddCheckpoint, memory: Memory, step: Step) -> None:
    """Take a checkpoint that a stranger uploads of a peer's log."""
    submission.add_checkpoint(asked.body, _open_mirrors(memory), step.writes)
    step.then(asked.reply, lambda: None)


def add_entries(asked: AddEntries, memory: Memory, step: Step) -> None:
    """Take entries that a stranger uploads of a peer's log, as far as they are proven."""
    taken = submission.add_entries(asked.body, _open_mirrors(memory), step.writes)
    step.then(asked.reply, lambda: taken)


def _open_mirrors(memory: Memory) -> dict[str, Mirror]:
    return {m.origin: m for m in memory.mirrors.values() if m.party not in memory.broken}


# What is taken in first in a step, by the type of the request.
TAKEN: Mapping[type, Callable[[Any, Memory, Step], None]] = {
    Hear: hear, HearAnswer: hear_answer, AddCheckpoint: add_checkpoint, AddEntries: add_entries,
    Convict: convict}
