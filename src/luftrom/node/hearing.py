"""Hearing: what peers say, and what strangers upload of their logs, is taken into a step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from luftrom.audit.equivocation import run_of_leaves
from luftrom.clock import NS_PER_S
from luftrom.errors import Contradiction, Forbidden, Unverified
from luftrom.exchange.message import Message
from luftrom.exchange.verification import VerifiedMessage, verify_message
from luftrom.logs import submission
from luftrom.logs.held import HeldLog
from luftrom.logs.mirror import Mirror
from luftrom.node.memory import Memory
from luftrom.node.refusals import Replayed
from luftrom.node.step import Reply, Step
from luftrom.statements.kinds import KINDS
from luftrom.statements.statement import Statement


@dataclass(frozen=True, slots=True)
class Hear:
    """Take in a peer's message, and answer it with a message.

    `proven` is what `exchange.verification.prove_leaves` said of it beforehand.
    """

    message: Message
    counter: int
    reply: Reply[Message]
    proven: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class HearAnswer:
    """Take in the answer of a peer to a message of ours; `proven` as in `Hear`."""

    message: Message
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


class Contradicted(Exception):
    """A peer's signed statements contradict each other; memory holds half of them by now.

    `error` is the whole answer to the request, and has the evidence.
    """

    def __init__(self, request: Hear | HearAnswer, error: Unverified):
        super().__init__(str(error))
        self.request, self.error = request, error


def hear(asked: Hear, memory: Memory, step: Step) -> None:
    """Take in a message, and answer with all that its sender lacks once this is durable.

    The counter rises with every message, so that a captured one is worth nothing a second time.
    """
    message, sender = asked.message, asked.message.sender
    _check_channel(sender, memory)
    if asked.counter <= memory.counters[sender]:
        raise Replayed(memory.counters[sender])
    memory.counters[sender] = asked.counter
    step.writes.counters.append((f"exchange {sender}", asked.counter))
    _verify_and_take_in(asked, memory, step)
    step.then(asked.reply,
              lambda: memory.message_to(sender, message.have, mirrored=message.have))


def hear_answer(asked: HearAnswer, memory: Memory, step: Step) -> None:
    """Take in an answer."""
    _check_channel(asked.message.sender, memory)
    _verify_and_take_in(asked, memory, step)
    step.then(asked.reply, lambda: None)


def _check_channel(peer: str, memory: Memory) -> None:
    if peer in memory.broken:
        raise Forbidden(f"the channel with {peer} is broken: a proof of two histories is kept",
                        code="broken")


def _verify_and_take_in(asked: Hear | HearAnswer, memory: Memory, step: Step) -> None:
    """Raises the refusal before anything of the message has changed anything, or Contradicted."""
    message, agreement = asked.message, memory.agreement
    if agreement is None:
        raise Forbidden(f"there is no agreement with {message.sender}")
    mirror = memory.mirrors[message.sender]
    held: dict[str, HeldLog] = {memory.party: memory.log}
    held |= {name: other for name, other in memory.mirrors.items() if other is not mirror}
    last_seen = memory.state.progress.last_seen.get(message.sender, {})
    verified = verify_message(message, mirror, held, agreement, last_seen,
                              step.time_ns // NS_PER_S, asked.proven)
    _check_receipt(mirror, message, memory)
    _take_in(asked, mirror, verified, memory, step)


def _check_receipt(mirror: Mirror, message: Message, memory: Memory) -> None:
    if not message.receipt_size:
        return
    if message.receipt_size > memory.log.size:
        raise Unverified(f"a receipt for {message.receipt_size} of our leaves; there are "
                         f"{memory.log.size}")
    if message.receipt_size > mirror.receipt_size:
        mirror.verify_receipt(memory.log, message.receipt_size, message.receipt)


def _take_in(asked: Hear | HearAnswer, mirror: Mirror, verified: VerifiedMessage, memory: Memory,
             step: Step) -> None:
    message, body = verified.message, verified.checkpoint.checkpoint
    state, writes = memory.state, step.writes
    mirror.hold(message.leaves[mirror.tree.size - message.first:], writes)
    mirror.move(body, message.checkpoint, writes)
    for item in verified.items:
        statement = item.statement
        try:
            state.check(statement, memory.party, mirror.receipted_size)
            state.apply(item)
        except Unverified as error:
            evidence = Contradiction(mirror.party, _run_up_to(statement, memory))
            raise Contradicted(asked, Unverified(error.message, code=error.code,
                                                 evidence=evidence)) from None
        writes.disclosures += [(mirror.party, statement.index, n, disclosure)
                               for n, disclosure in enumerate(item.disclosures)]
    if verified.items:
        memory.refused.discard(mirror.party)
        mirror.apply_up_to(body.size, writes)
    if message.receipt_size:
        state.entities.acknowledge(memory.party, mirror.party, mirror.receipt_size,
                                   message.receipt_size)
        mirror.take_receipt(memory.log, message.receipt_size, body.size, message.receipt, writes)


def _run_up_to(statement: Statement[Any], memory: Memory) -> tuple[bytes, ...]:
    """The leaves that show, together with the last of them, what it contradicts."""
    def before(entity_id: str) -> int | None:
        record = memory.state.entities.latest_of(statement.party, entity_id)
        return record.index if record else None

    first = KINDS[statement.type].first_needed(statement, before)
    return run_of_leaves(memory.mirrors[statement.party].leaf, first, statement.index + 1)


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
    Hear: hear, HearAnswer: hear_answer, AddCheckpoint: add_checkpoint, AddEntries: add_entries}
