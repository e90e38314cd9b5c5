"""What a peer says is checked here, in numbered steps, before anything touches its mirror.

In go a parsed message and what is held; out come verified items, or the refusal that says which
step failed. Nothing here changes any state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from luftrom import limits
from luftrom.agreement.terms import Agreement
from luftrom.errors import (
    BadInput,
    BadStatement,
    Equivocation,
    LuftromError,
    OutOfStep,
    SeenBehindReceipt,
    TooLarge,
    TwoCheckpoints,
    TwoStatements,
    Unverified,
)
from luftrom.exchange.message import Message
from luftrom.logs.held import HeldLog
from luftrom.logs.mirror import Mirror
from luftrom.statements.kinds import KINDS
from luftrom.statements.leaf import verify_signature, verify_statement
from luftrom.statements.opening import Item, open_item
from luftrom.statements.statement import Statement
from luftrom.transparency.checkpoint import Checkpoint, VerifiedCheckpoint, parse_checkpoint
from luftrom.transparency.merkle import leaf_hash, verify_consistency
from luftrom.transparency.note import parse_note


@dataclass(frozen=True, slots=True)
class VerifiedMessage:
    """A message that proved itself: what it adds to the mirror."""

    message: Message
    checkpoint: VerifiedCheckpoint
    items: tuple[Item[Any, Any], ...] = field(default=())


def prove_leaves(message: Message, first: int, public_key: bytes) -> frozenset[int]:
    """The indexes, from `first` on, of those leaves that the sender's statements key signed.

    It needs no state and most of its time no interpreter either, so it may run in a thread.
    """
    proven = []
    for index, leaf in enumerate(message.leaves[max(0, first - message.first):],
                                 max(first, message.first)):
        try:
            verify_signature(leaf, public_key, message.sender)
        except LuftromError:
            continue                       # `verify_message` finds it again and says what is wrong
        proven.append(index)
    return frozenset(proven)


def verify_message(message: Message, mirror: Mirror, held: Mapping[str, HeldLog],
                   agreement: Agreement, last_seen: Mapping[str, int], now_s: int,
                   proven: frozenset[int] = frozenset()) -> VerifiedMessage:
    """Check everything a peer says, in numbered steps; nothing is changed.

    `held` maps the names of all other parties, ours included, to their logs as held here;
    `last_seen` is what the last applied statement of this peer had seen; `now_s` is our clock, in
    seconds since 1970; `proven` is what `prove_leaves` said of this message.

    Raises BadInput, OutOfStep, which says where we are, Unverified, with evidence where what was
    signed is at fault, or Equivocation.
    """
    # 1. The checkpoint bears the agreed signatures and covers exactly the leaves carried.
    verified = mirror.verify_checkpoint(message.checkpoint)
    body = verified.checkpoint
    if message.first + len(message.leaves) != body.size:
        raise BadInput(f"the checkpoint covers {body.size} leaves; the message ends at "
                       f"{message.first + len(message.leaves)}")
    # 2. It is not another history, and not an older one.
    _check_history(message, body, mirror)
    # 3. It follows from what is held here.
    if message.old > mirror.tree.size or message.first > mirror.applied:
        raise OutOfStep("the message begins beyond what is held here", code="gap",
                        have=mirror.applied, mirrored=mirror.tree.size)
    _check_growth(message, body, mirror)
    # 4. Every new statement is signed, stands where it says, and opens to what was committed.
    fresh = message.leaves[mirror.applied - message.first:]
    opened = message.disclosures[mirror.applied - message.first:]
    context = _Seen(mirror, held, agreement, last_seen)
    items = []
    for index, (leaf, disclosures) in enumerate(zip(fresh, opened, strict=True), mirror.applied):
        items.append(_verify_item(index, leaf, disclosures, context, index in proven))
        _check_time(items[-1].statement, now_s)
    return VerifiedMessage(message, verified, tuple(items))


def _verify_item(index: int, leaf: bytes, disclosures: tuple[bytes, ...] | None,
                 context: _Seen, is_proven: bool) -> Item[Any, Any]:
    """The leaf at an index, verified and opened.

    What is wrong with a leaf stays wrong, since the peer's checkpoint covers it: such a refusal
    has the leaf as its evidence, if the peer's statements key signed it. What is wrong with the
    disclosures beside it is mended by sending the right ones, unless they open what the leaf
    committed to.
    """
    mirror = context.mirror
    try:
        statement = verify_statement(leaf, mirror.peer.keys.statements, mirror.party,
                                     is_proven=is_proven)
        context.check(statement, index)
    except Equivocation:
        raise
    except LuftromError as error:
        evidence = BadStatement(mirror.party, leaf) if _is_signed(leaf, mirror) else None
        raise Unverified(f"leaf {index} of {mirror.party}: {error}", code=error.code,
                         evidence=evidence) from None
    try:
        item = open_item(statement, disclosures)
    except (BadInput, TooLarge) as error:
        raise Unverified(f"leaf {index} of {mirror.party} discloses what no node takes: {error}",
                         code="bad_statement",
                         evidence=BadStatement(mirror.party, leaf, disclosures or ())) from None
    if KINDS[statement.type].must_open and item.content is None:
        raise Unverified(f"leaf {index} of {mirror.party} is a {statement.type}, and its content "
                         "did not come with it", code="not_disclosed")
    return item


def _check_time(statement: Statement[Any], now_s: int) -> None:
    """Unverified (ahead_of_clock) where a statement is dated beyond what clocks may differ by.

    Nothing is kept of it: whose clock is wrong is not known, and it is taken once ours is there.
    """
    ahead_s = statement.iat_s - now_s
    if ahead_s > limits.STATEMENT_AHEAD_S_MAX:
        raise Unverified(
            f"leaf {statement.index} of {statement.party} is dated {ahead_s} s ahead of the clock "
            f"here; at most {limits.STATEMENT_AHEAD_S_MAX} s are taken: compare the clocks",
            code="ahead_of_clock")


def _is_signed(leaf: bytes, mirror: Mirror) -> bool:
    try:
        verify_signature(leaf, mirror.peer.keys.statements, mirror.party)
    except LuftromError:
        return False
    return True


def _check_history(message: Message, body: Checkpoint, mirror: Mirror) -> None:
    """What was applied stands: same size, same root; same index, same leaf."""
    applied = mirror.applied
    if 0 < body.size <= applied and mirror.tree.root(body.size) != body.root:
        raise _two_histories(mirror, message.checkpoint, mirror.staged_note, body.size, applied)
    start = message.first
    for index in range(start, min(applied, body.size)):
        leaf = message.leaves[index - start]
        if leaf_hash(leaf) != mirror.tree.leaf_hash_at(index):
            other = verify_statement(leaf, mirror.peer.keys.statements, mirror.party)
            if other.index != index:
                raise Unverified(f"the statement at leaf {index} says it is leaf {other.index}",
                                 code="wrong_index")
            raise Equivocation(f"{mirror.party} signed two statements for leaf {index}",
                               evidence=TwoStatements(mirror.party, (mirror.leaf(index), leaf)))
    if message.whole and body.size < applied:
        raise OutOfStep(f"the checkpoint of {body.size} leaves is older than the {applied} "
                        "held here: a repeated or rolled-back message", code="rolled_back",
                        have=applied, mirrored=mirror.tree.size)


def _check_growth(message: Message, body: Checkpoint, mirror: Mirror) -> None:
    """The new leaves hash to the checkpoint's root, and contradict no pending checkpoint.

    Pending entries (`submission`) are set aside meanwhile: they are no history yet.
    """
    tree, applied = mirror.tree, mirror.applied
    fresh = [leaf_hash(leaf) for leaf in message.leaves[applied - message.first:]]
    aside = [tree.leaf_hash_at(i) for i in range(applied, tree.size)]
    pending_size, pending = mirror.pending
    tree.truncate(applied)
    tree.extend(fresh)
    try:
        if tree.root(body.size) != body.root:
            raise Unverified("the leaves do not hash to the checkpoint's root", code="wrong_root")
        if 0 < message.old < body.size:
            verify_consistency(message.old, body.size, message.proof, tree.root(message.old),
                               body.root)
        if applied < pending_size <= body.size and tree.root(
                pending_size) != parse_checkpoint(parse_note(pending).text).root:
            raise _two_histories(mirror, message.checkpoint, pending, pending_size, body.size)
    finally:
        tree.truncate(applied)
        tree.extend(aside)
    if fresh[:len(aside)] != aside[:len(fresh)]:
        raise _two_histories(mirror, message.checkpoint, pending, body.size, pending_size)


def _two_histories(mirror: Mirror, note: bytes, held: bytes, size: int, larger: int
                   ) -> Equivocation:
    """Two checkpoints, of `size` and `larger` leaves, of which neither continues the other.

    The tree as it is now is the larger one's; if it is whole, it proves its root at `size`.
    """
    evidence, tree = TwoCheckpoints(mirror.party, (held, note)), mirror.tree
    if size < larger <= tree.size:
        evidence = replace(evidence, root=tree.root(size),
                           proof=tuple(tree.consistency_proof(size, larger)))
    return Equivocation(f"{mirror.party} signed two histories of {size} leaves", evidence=evidence)


class _Seen:
    """Checks what statements say their author had seen, leaf after leaf."""

    def __init__(self, mirror: Mirror, held: Mapping[str, HeldLog], agreement: Agreement,
                 last_seen: Mapping[str, int]):
        self.mirror, self.held, self.agreement = mirror, held, agreement
        self.last = dict(last_seen)
        self.roots: dict[tuple[str, int], bytes] = {}

    def check(self, statement: Statement[Any], index: int) -> None:
        author = statement.party
        if statement.index != index:
            raise Unverified(f"the statement at leaf {index} says it is leaf {statement.index}",
                             code="wrong_index")
        if statement.agreement != self.agreement.digest and (statement.agreement or self.last):
            raise Unverified(f"leaf {index} names another agreement", code="other_agreement")
        for name, seen in statement.seen.items():
            if name == author or self.agreement.party(name) is None:
                raise Unverified(f"leaf {index} has seen {name}, which is no peer of {author}")
            if seen.size < self.last.get(name, 0):
                raise Unverified(f"leaf {index} has seen {seen.size} leaves of {name}; an earlier "
                                 f"one had seen {self.last[name]}", code="seen_went_back")
            self.last[name] = seen.size
            self._check_root(statement, name)
        peers = [p.name for p in self.agreement.parties if p.name != author]
        for name in peers if statement.agreement else self.last:
            if name not in statement.seen:
                raise Unverified(f"leaf {index} does not say what it has seen of {name}",
                                 code="seen_went_back")
        self._check_receipt(statement)

    def _check_root(self, statement: Statement[Any], name: str) -> None:
        seen, log = statement.seen[name], self.held[name]
        if seen.size > log.size:
            if isinstance(log, Mirror):
                return                     # a third party's log may be further along elsewhere
            raise Unverified(f"leaf {statement.index} has seen {seen.size} leaves of {name}; "
                             f"there are {log.size}", code="seen_unknown")
        key = (name, seen.size)
        if key not in self.roots:
            self.roots[key] = log.tree.root(seen.size)
        if self.roots[key] != seen.root:
            raise Unverified(f"leaf {statement.index} has seen another history of {name} than "
                             "the one held here", code="seen_unknown")

    def _check_receipt(self, statement: Statement[Any]) -> None:
        own = next(log for log in self.held.values() if not isinstance(log, Mirror))
        seen = statement.seen.get(own.party)
        size = seen.size if seen else 0
        mirror = self.mirror
        if statement.index < mirror.receipt_peer_size or size >= mirror.receipt_size:
            return
        raise Equivocation(
            f"leaf {statement.index} has seen {size} of our leaves, behind the receipt for "
            f"{mirror.receipt_size} that {statement.party} had given",
            evidence=SeenBehindReceipt(mirror.party, statement.leaf, mirror.receipt_note,
                                       mirror.staged_note))
