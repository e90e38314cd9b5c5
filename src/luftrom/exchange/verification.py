"""What a peer says is checked here, in numbered steps, before anything touches a mirror.

In go a parsed message, its head and what is held; out come verified statements of each log that it
brings, or the refusal that says which step failed. Nothing here changes any state.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

from luftrom import limits
from luftrom.agreement.party import Party
from luftrom.agreement.terms import Agreement
from luftrom.errors import (
    BadInput,
    BadStatement,
    Equivocation,
    LuftromError,
    OtherHistory,
    OutOfStep,
    SeenBehindReceipt,
    TwoCheckpoints,
    TwoHeads,
    TwoStatements,
    Unverified,
)
from luftrom.exchange.message import Message, Opening, Part
from luftrom.exchange.refused import Refused, head_against_checkpoint, is_signed
from luftrom.exchange.word import read_word
from luftrom.logs.fork import Fork
from luftrom.logs.head import Head
from luftrom.logs.held import HeldLog
from luftrom.logs.mirror import Mirror
from luftrom.logs.own import OwnLog
from luftrom.statements.kinds.forked import check_fork, fork_told
from luftrom.statements.kinds.restored import Restored
from luftrom.statements.leaf import parse_statement, verify_signature, verify_statement
from luftrom.statements.opening import match_disclosures, open_or_void
from luftrom.statements.statement import Statement
from luftrom.transparency.checkpoint import Checkpoint, VerifiedCheckpoint, parse_checkpoint
from luftrom.transparency.merkle import Tree, leaf_hash, verify_consistency
from luftrom.transparency.note import parse_note


@dataclass(frozen=True, slots=True)
class VerifiedPart:
    """A part that proved itself: what it adds to a mirror.

    `fresh` are the statements that are not mirrored yet, `openings` those disclosures that open a
    leaf which is not applied yet, each matched with its statement.
    """

    part: Part
    mirror: Mirror
    checkpoint: VerifiedCheckpoint
    fresh: tuple[Statement[Any], ...] = ()
    openings: tuple[tuple[Statement[Any], Opening], ...] = field(default=())
    hashes: Sequence[bytes] = ()           # of `fresh`, as leaves of the tree

    @property
    def body(self) -> Checkpoint:
        """The checkpoint, without its signatures."""
        return self.checkpoint.checkpoint

    @property
    def is_restored(self) -> bool:
        """Does its party say in it that it came back from an older copy of its log?"""
        return any(isinstance(statement.body, Restored) for statement in self.fresh)

    def leaves(self, first: int, end: int) -> tuple[bytes, ...]:
        """Those of the log as it is with this part; none where one lacks, or for a proof too many.
        """
        held = self.fresh[0].index if self.fresh else self.mirror.staged_size
        if end > held + len(self.fresh) or end - first > limits.EVIDENCE_LEAVES_MAX:
            return ()
        return tuple(self.mirror.leaf(i) if i < held else self.fresh[i - held].leaf
                     for i in range(first, end))


@dataclass(frozen=True, slots=True)
class Context:
    """What a message is held against: the own log, all mirrors, the agreement and our clock.

    `waiting` finds the statement of a leaf that is mirrored and not applied, `refused` what each
    party signed and was refused. `proven` are indexes
    of leaves of the sender's whose signatures were checked before (`prove_leaves`). `ends` names
    for each party that is proven to have forked how many leaves of its log count.
    """

    own: OwnLog
    mirrors: Mapping[str, Mirror]
    agreement: Agreement
    waiting: Mapping[tuple[str, int], Statement[Any]]
    refused: Mapping[str, Refused]
    now_s: int
    proven: frozenset[int] = frozenset()
    ends: Mapping[str, int] = field(default_factory=dict)


class Learned(Exception):
    """A fork is proven that was not known: all is to be looked at again by that."""

    def __init__(self, fork: Fork):
        super().__init__(fork.party)
        self.fork = fork


def prove_leaves(message: Message, first: int, party: str, public_key: bytes) -> frozenset[int]:
    """The indexes, from `first` on, of those own leaves that the sender's statements key signed.

    It needs no state and most of its time no interpreter either, so it may run in a thread.
    """
    proven = []
    part = message.own
    for index, leaf in enumerate(part.leaves[max(0, first - part.first):], max(first, part.first)):
        try:
            verify_signature(leaf, public_key, party)
        except LuftromError:
            continue                       # `verify_message` finds it again and says what is wrong
        proven.append(index)
    return frozenset(proven)


def verify_message(message: Message, head: Head, context: Context) -> tuple[VerifiedPart, ...]:
    """Check everything a peer says, in numbered steps; nothing is changed.

    Raises BadInput, OutOfStep, which says where we are, Unverified, with evidence where what was
    signed is at fault, Equivocation, or Learned before anything that rests on a fork is looked at.
    """
    # 1. The head is of this agreement, and the first part is the sender's own.
    if head.agreement != context.agreement.digest:
        raise Unverified(f"{head.sender} speaks under another agreement: SHA-256 "
                         f"{head.agreement[:16]}", code="other_agreement")
    if message.own.party != head.sender:
        raise BadInput(f"must be the log of {head.sender}", field="parts[0].party")
    parts = []
    for part in message.parts:
        parts.append(_verify_part(part, context, part.party == head.sender))
        forks = [fork for statement in parts[-1].fresh
                 if (fork := fork_told(statement, context.agreement)) is not None
                 and fork.end < context.ends.get(fork.party, fork.end + 1)]
        if forks:                          # all is computed anew by one, however many there are
            raise Learned(min(forks, key=lambda fork: fork.end))
    # 5. What each statement had seen is mirrored here, with this message; and of our own log it is
    #    what we signed, and no less than its author's receipts say.
    sizes = {name: mirror.staged_size for name, mirror in context.mirrors.items()}
    sizes |= {each.mirror.party: max(each.body.size, sizes[each.mirror.party]) for each in parts}
    roots = _Roots(context, parts)
    for each in parts:
        for statement in counted(each, context.ends):
            _check_seen(statement, context, sizes, roots)
            _check_receipt(statement, each, context.own.party)
    # 6. The head says no other than the checkpoint beside it.
    _check_head(head, parts[0], context)
    return tuple(parts)


def counted(part: VerifiedPart, ends: Mapping[str, int]) -> tuple[Statement[Any], ...]:
    """The new statements of a part, as far as they count."""
    end = ends.get(part.mirror.party)
    return part.fresh if end is None else tuple(s for s in part.fresh if s.index < end)


def _verify_part(part: Part, context: Context, is_own: bool) -> VerifiedPart:
    mirror = context.mirrors.get(part.party)
    if mirror is None:
        raise BadInput(f"is {part.party}, whose log is not mirrored here", field="parts.party")
    end = context.ends.get(part.party)
    if end is not None and mirror.staged_size >= end:
        return _verify_openings_alone(part, mirror, context, end)
    # 2. The checkpoint bears the agreed signatures and covers exactly the leaves carried.
    verified = mirror.verify_checkpoint(part.checkpoint)
    body = verified.checkpoint
    if part.end != body.size:
        raise BadInput(f"the checkpoint covers {body.size} leaves; the part ends at {part.end}")
    # 3. It is not another history, and not an older one; it follows from what is held here.
    _check_history(part, body, mirror)
    held = mirror.staged_size
    if part.old > held or part.first > held:
        raise OutOfStep("the message begins beyond what is held here", code="gap",
                        have=mirror.applied, mirrored=held)
    hashes = _check_growth(part, body, mirror)
    # 4. Every new statement is signed and stands where it says; what opens one is what it
    #    committed to.
    fresh = tuple(
        _verify_leaf(index, leaf, mirror, context, is_own and index in context.proven)
        for index, leaf in enumerate(part.leaves[held - part.first:], held))
    _check_versions(fresh, mirror, context.agreement)
    new = {statement.index: statement for statement in fresh}
    openings = []
    for index, disclosures in part.openings:
        statement = new.get(index) or context.waiting.get((mirror.party, index))
        if statement is None:
            if index >= max(held, body.size):
                raise OutOfStep(f"opens leaf {index}, which is not mirrored here", code="gap",
                                have=mirror.applied, mirrored=held)
            continue                       # it is applied: opened before
        match_disclosures(statement, disclosures)
        openings.append((statement, (index, disclosures)))
    found = VerifiedPart(part, mirror, verified, fresh, tuple(openings), hashes)
    if not found.is_restored and end is None:   # of a forked log either history will do
        refused = context.refused[mirror.party]
        if body.size >= held:
            with _grown(mirror.tree, held, hashes):
                refused.compare(mirror.tree, held, part.checkpoint)
        for statement in fresh:
            refused.compare_leaf(statement.index, statement.leaf)
    return found


def _verify_openings_alone(part: Part, mirror: Mirror, context: Context, end: int) -> VerifiedPart:
    """Of a forked log all common leaves are held: of whatever history, what opens these is news."""
    openings = []
    for index, disclosures in part.openings:
        statement = context.waiting.get((mirror.party, index)) if index < end else None
        if statement is not None:
            match_disclosures(statement, disclosures)
            openings.append((statement, (index, disclosures)))
    size = mirror.staged_size
    held = Part(part.party, size, 0, mirror.staged_note)
    return VerifiedPart(held, mirror, VerifiedCheckpoint(mirror.body(size), None), (),
                        tuple(openings))


def _verify_leaf(index: int, leaf: bytes, mirror: Mirror, context: Context, is_proven: bool
                 ) -> Statement[Any]:
    """The leaf at an index, verified.

    What is wrong with a leaf stays wrong, since the peer's checkpoint covers it: such a refusal
    has the leaf as its evidence, if the peer's statements key signed it.
    """
    try:
        statement = verify_statement(leaf, mirror.peer.keys.statements, mirror.party,
                                     is_proven=is_proven)
        _check_head_of(statement, index, context.agreement)
        if (fork := fork_told(statement, context.agreement)) is not None:
            verify_accusation(fork, context)
    except LuftromError as error:
        evidence = BadStatement(mirror.party, leaf) if is_signed(leaf, mirror) else None
        raise Unverified(f"leaf {index} of {mirror.party}: {error}", code=error.code,
                         evidence=evidence) from None
    _check_time(statement, context.now_s)
    return statement


def _check_head_of(statement: Statement[Any], index: int, agreement: Agreement) -> None:
    """What every statement says in front: its place, the agreement, and a size for each peer."""
    if statement.index != index:
        raise Unverified(f"the statement at leaf {index} says it is leaf {statement.index}",
                         code="wrong_index")
    if not statement.agreement:
        if statement.seen:
            raise Unverified(f"leaf {index} has seen others under no agreement",
                             code="other_agreement")
        return
    if statement.agreement not in (agreement.digest, *agreement.earlier):
        raise Unverified(f"leaf {index} names another agreement", code="other_agreement")
    peers = {p.name for p in agreement.parties} - {statement.party}
    if statement.seen.keys() != peers:
        raise Unverified(f"leaf {index} says what it has seen of {', '.join(statement.seen)}; its "
                         f"peers are {', '.join(sorted(peers))}", code="seen_unknown")


def _check_versions(fresh: Sequence[Statement[Any]], mirror: Mirror, agreement: Agreement) -> None:
    """Unverified where a log falls back behind a version of the agreement that it went by."""
    versions = (*agreement.earlier, agreement.digest)
    if not any(statement.agreement in agreement.earlier for statement in fresh):
        return                             # under none at all is void, and no matter of versions
    held = fresh[0].index
    newest = parse_statement(mirror.leaf(held - 1)).agreement if held else ""
    for statement in fresh:
        # What was signed before any agreement comes before all versions.
        if _rank(statement.agreement, versions) < _rank(newest, versions):
            raise Unverified(f"leaf {statement.index} falls back behind the agreement that its log "
                             "went by", code="other_agreement")
        newest = statement.agreement


def _rank(digest: str, versions: Sequence[str]) -> int:
    return versions.index(digest) if digest in versions else -1


def verify_accusation(fork: Fork, context: Context) -> None:
    """Unverified (not_proven) if a fork is not one of a party, or explained by a restore that we
    hold: then all others had given their word that they hold no more of that log."""
    check_fork(fork, context.agreement)
    if _is_restored_at(fork.end, fork.party, context):
        raise Unverified(f"{fork.party} was restored at leaf {fork.end}, on the words of all "
                         "others", code="not_proven")


def _is_restored_at(index: int, party: str, context: Context) -> bool:
    """Is that leaf of a log `restored`, with the signed words of all others on no more than that?

    What its author says that they said is no word: each is verified by its giver's key.
    """
    log: OwnLog | Mirror = context.mirrors.get(party) or context.own
    store, place = log.store, (party, index, index + 1)
    if log.party != party or log.size <= index:
        return False
    statement = parse_statement(store.leaves(*place)[0])
    if not isinstance(statement.body, Restored):
        return False
    texts = [text for disclosures in store.disclosures(*place).values()
             for text in open_or_void(statement, disclosures).content or ()]
    return all(
        any(_tells_of_no_more(text, peer, party, index) for text in texts)
        for peer in context.agreement.parties if peer.name not in (party, *context.ends))


def _tells_of_no_more(text: str, giver: Party, party: str, size: int) -> bool:
    try:
        return read_word(text.encode(), giver, party).size <= size
    except LuftromError:
        return False


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


def _check_history(part: Part, body: Checkpoint, mirror: Mirror) -> None:
    """What was mirrored stands: same size, same root; same index, same leaf."""
    held = mirror.staged_size
    if 0 < body.size <= held and mirror.tree.root(body.size) != body.root:
        raise _two_histories(mirror, part.checkpoint, mirror.staged_note, body.size, held)
    for index in range(part.first, min(held, body.size)):
        leaf = part.leaves[index - part.first]
        if leaf_hash(leaf) != mirror.tree.leaf_hash_at(index):
            other = verify_statement(leaf, mirror.peer.keys.statements, mirror.party)
            if other.index != index:
                raise Unverified(f"the statement at leaf {index} says it is leaf {other.index}",
                                 code="wrong_index")
            raise Equivocation(f"{mirror.party} signed two statements for leaf {index}",
                               evidence=TwoStatements(mirror.party, (mirror.leaf(index), leaf)))


def _check_growth(part: Part, body: Checkpoint, mirror: Mirror) -> Sequence[bytes]:
    """The new leaves hash to the checkpoint's root, and contradict no pending checkpoint.

    Returns their hashes. Pending entries (`submission`) are set aside meanwhile: they are no
    history yet.
    """
    tree, held = mirror.tree, mirror.staged_size
    fresh = [leaf_hash(leaf) for leaf in part.leaves[held - part.first:]]
    pending_size, pending = mirror.pending
    with _grown(tree, held, fresh) as aside:
        if tree.root(body.size) != body.root:
            raise OtherHistory("the leaves do not hash to the checkpoint's root", mirror.party,
                               code="wrong_root")
        if 0 < part.old < body.size:
            verify_consistency(part.old, body.size, part.proof, tree.root(part.old), body.root)
        if held < pending_size <= body.size and tree.root(
                pending_size) != parse_checkpoint(parse_note(pending).text).root:
            raise _two_histories(mirror, part.checkpoint, pending, pending_size, body.size)
    if fresh[:len(aside)] != aside[:len(fresh)]:
        raise _two_histories(mirror, part.checkpoint, pending, body.size, pending_size)
    return fresh


@contextmanager
def _grown(tree: Tree, held: int, fresh: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """A tree as it is with these hashes behind the leaves held; what else is in it comes back."""
    aside = [tree.leaf_hash_at(i) for i in range(held, tree.size)]
    tree.truncate(held)
    tree.extend(fresh)
    try:
        yield aside
    finally:
        tree.truncate(held)
        tree.extend(aside)


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


# -- what statements had seen --------------------------------------------------------------------

class _Roots:
    """The roots of all logs as far as they are mirrored here, this message included."""

    def __init__(self, context: Context, parts: list[VerifiedPart]):
        self._logs: dict[str, HeldLog] = {context.own.party: context.own, **context.mirrors}
        self._fresh = {each.mirror.party: (each.mirror.staged_size, each.hashes)
                       for each in parts}
        self._known: dict[tuple[str, int], bytes] = {}

    def root(self, party: str, size: int) -> bytes:
        """The root over the first leaves of a log."""
        if (party, size) not in self._known:
            tree = self._logs[party].tree
            held, fresh = self._fresh.get(party, (tree.size, []))
            with _grown(tree, held, fresh) if size > held else nullcontext():
                self._known[party, size] = tree.root(size)
        return self._known[party, size]


def _check_seen(statement: Statement[Any], context: Context, sizes: Mapping[str, int],
                roots: _Roots) -> None:
    for name, seen in statement.seen.items():
        end = context.ends.get(name)
        if name == context.own.party:
            if seen.size > context.own.size:
                raise Unverified(f"leaf {statement.index} has seen {seen.size} leaves of {name}; "
                                 f"there are {context.own.size}", code="seen_unknown")
        elif min(seen.size, seen.size if end is None else end) > sizes[name]:
            raise OutOfStep(
                f"leaf {statement.index} of {statement.party} has seen {seen.size} leaves of "
                f"{name}; {sizes[name]} are mirrored here", code="unseen",
                have=context.mirrors[statement.party].applied,
                mirrored=context.mirrors[statement.party].staged_size)
        if end is not None and seen.size > end:
            continue                       # whichever history it was: nothing of it counts
        if roots.root(name, seen.size) != seen.root:
            raise OtherHistory(f"leaf {statement.index} has seen another history of {name} than "
                               "the one held here", name)


def _check_receipt(statement: Statement[Any], part: VerifiedPart, me: str) -> None:
    """Whoever signed for so many of our leaves has seen them ever after."""
    receipt = part.mirror.receipt
    if receipt is None or statement.index < receipt.peer_size or not statement.agreement:
        return
    size = statement.seen[me].size
    if size < receipt.size:
        raise Equivocation(
            f"leaf {statement.index} has seen {size} of our leaves, behind the receipt for "
            f"{receipt.size} that {statement.party} had given",
            evidence=SeenBehindReceipt(
                statement.party, part.leaves(receipt.peer_size, statement.index + 1),
                receipt.head.encode()))


def _check_head(head: Head, own: VerifiedPart, context: Context) -> None:
    if head.mirrored > context.own.size:
        raise Unverified(f"a receipt for {head.mirrored} of our leaves; there are "
                         f"{context.own.size}")
    if head.opened > head.mirrored:
        raise BadInput(f"{head.opened} of our leaves are said to be open, {head.mirrored} to be "
                       "mirrored", field="head.opened")
    if not own.is_restored:
        context.refused[head.sender].compare_head(head)
    if head.size == own.body.size and head.root != own.body.root:
        raise head_against_checkpoint(head.sender, head.size, head.text.encode(),
                                      own.part.checkpoint)
    if head.size < own.body.size:
        raise BadInput(f"names {head.size} leaves; the checkpoint covers {own.body.size}",
                       field="head.size")
    if head.size < own.mirror.staged_size:
        raise OutOfStep(f"the head of {head.size} leaves is older than the "
                        f"{own.mirror.staged_size} held here: a repeated or rolled-back message",
                        code="rolled_back", have=own.mirror.applied,
                        mirrored=own.mirror.staged_size)
    before = own.mirror.receipt
    if before is not None and head.size > before.peer_size and head.mirrored < before.size:
        raise Equivocation(
            f"{head.sender} signed for {before.size} of our leaves, and says in a later head that "
            f"{head.mirrored} are mirrored there",
            evidence=TwoHeads(head.sender, (before.head.encode(), head.text.encode()),
                              own.leaves(before.peer_size, head.size)))
