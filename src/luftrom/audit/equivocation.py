"""Proofs that a party signed what cannot be true, mostly two things that cannot both be.

In goes what a node caught; out comes a JSON document that convinces a stranger who holds nothing
but the agreement: every byte of its evidence is signed by the party that it accuses. The kinds:

`checkpoints`: two checkpoints of one log of which neither continues the other.
`statements`: two different statements for one leaf of a log.
`heads`: two heads, of which the one of the larger log says that less is mirrored, with the leaves
between their sizes; or of one size and of different roots.
`head`: a head and a checkpoint, as large or larger, of a log that had another root at that size.
`seen`: a statement that had seen less of a log than a head by its author says is mirrored, with the
leaves before it from the size on that the head names. In both a `restored` among the leaves whose
word of the head's holder is on another head explains what comes after, and nothing is proven.
`contradiction`: a run of consecutive statements of which the last cannot follow the others.
`statement`: a signed leaf that is no statement, or commits to content that breaks the format, or
tells of a fork with what does not prove it.
`void`: a declaration or a notice outside the agreement's terms; by itself it proves a priority that
the party may not use, and is a record of any other breach.

Not everything that a node refuses proves itself: what rests on the whole of two logs, or on what
was never signed, is kept as a record, and verifying it says so (`not_proven`).
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from luftrom import limits
from luftrom.agreement.party import Party
from luftrom.agreement.terms import Agreement
from luftrom.errors import (
    BadInput,
    BadStatement,
    Contradiction,
    Evidence,
    HeadAgainstCheckpoint,
    LuftromError,
    NotAuthenticated,
    SeenBehindReceipt,
    TwoCheckpoints,
    TwoHeads,
    TwoStatements,
    Unverified,
    VoidStatement,
)
from luftrom.logs.fork import Fork
from luftrom.logs.head import Head, verify_head
from luftrom.reading import parse_json
from luftrom.statements.course import Course
from luftrom.statements.kinds import KINDS
from luftrom.statements.kinds.declaration import Version
from luftrom.statements.kinds.forked import check_fork
from luftrom.statements.kinds.restored import Restored
from luftrom.statements.leaf import parse_statement, verify_signature, verify_statement
from luftrom.statements.opening import open_disclosures
from luftrom.statements.statement import Statement
from luftrom.transparency.checkpoint import Checkpoint, VerifiedCheckpoint, verify_checkpoint
from luftrom.transparency.merkle import verify_consistency
from luftrom.transparency.note import parse_base64, parse_vkey

FORMAT = "luftrom-equivocation/2"
# Leaves and notes stand in the document as the text that they are; hashes are base64.
_HASHES = ("proof", "root")


@dataclass(frozen=True, slots=True)
class Equivocated:
    """What a verified proof shows: who, by which kind of evidence, and as a sentence."""

    party: str
    kind: str
    sentence: str


def kind_of(evidence: type[Evidence]) -> str:
    """The name that a kind of evidence has in documents and in the store."""
    return next(name for name, form in _FORMS.items() if form.evidence is evidence)


def make_equivocation(evidence: Evidence, code: str, said: str) -> bytes:
    """The proof as a document, with the code of the refusal and what was said of it.

    What is missing in the evidence is left empty: such a document is a record of what was caught,
    and `verify_equivocation` says that it proves nothing by itself.
    """
    kind = kind_of(type(evidence))
    form = _FORMS[kind]
    members: dict[str, Any] = {name: [_encode(item, name) for item in getattr(evidence, name)]
                               for name in form.lists}
    members |= {name: _encode(getattr(evidence, name), name) for name in form.singles}
    document = {"format": FORMAT, "kind": kind, "party": evidence.party, "code": code,
                "said": said, "evidence": members}
    return json.dumps(document, indent=1).encode() + b"\n"


def verify_equivocation(document: bytes, agreement: Agreement) -> Equivocated:
    """Check a proof from its bytes and the agreement alone.

    Raises BadInput if it is no such document, and Unverified if it proves nothing: not_proven, or
    the code of the signature that fails.
    """
    fields = parse_json(document)
    names = {"format", "kind", "party", "code", "said", "evidence"}
    if not isinstance(fields, dict) or set(fields) != names:
        raise BadInput(f"must be an object with exactly {', '.join(sorted(names))}")
    if fields["format"] != FORMAT:
        raise BadInput(f"is {fields['format']!r}; this version reads {FORMAT}", field="format")
    kind = fields["kind"]
    if not isinstance(kind, str) or kind not in _FORMS:
        raise BadInput(f"must be one of {', '.join(_FORMS)}", field="kind")
    party = agreement.party(str(fields["party"]))
    if party is None:
        raise Unverified(f"{fields['party']!r} is no party of “{agreement.name}”",
                         code="wrong_party")
    evidence = _read_evidence(_FORMS[kind], party, fields["evidence"])
    return Equivocated(party.name, kind, _FORMS[kind].verify(party, evidence, agreement))


def _read_evidence(form: _Form[Any], party: Party, value: Any) -> Evidence:
    names = {*form.lists, *form.singles}
    if not isinstance(value, dict) or set(value) != names:
        raise BadInput(f"must be an object with exactly {', '.join(sorted(names))}",
                       field="evidence")
    for name in form.lists:
        if not isinstance(value[name], list) or len(value[name]) > limits.EVIDENCE_LEAVES_MAX:
            raise BadInput(f"must be a list of at most {limits.EVIDENCE_LEAVES_MAX}",
                           field=f"evidence.{name}")
    lists = {name: tuple(_decode(item, name) for item in value[name]) for name in form.lists}
    singles = {name: _decode(value[name], name) for name in form.singles}
    evidence: Evidence = form.evidence(party.name, **lists, **singles)
    return evidence


def _two_histories(party: Party, evidence: TwoCheckpoints, _: Agreement) -> str:
    """The smaller checkpoint's root is not the one that the larger one's tree had at that size."""
    if len(evidence.notes) != 2:
        raise BadInput("must be two checkpoints", field="evidence.notes")
    larger, smaller = sorted((_checkpoint(note, party).checkpoint for note in evidence.notes),
                             key=lambda body: body.size, reverse=True)
    root = _root_at(smaller.size, larger, evidence)
    if root == smaller.root or smaller.size == 0:
        raise _not_proven("the two checkpoints are of one history")
    return (f"{party.name} signed two histories of its log: its checkpoints of {smaller.size} and "
            f"of {larger.size} leaves differ in the first {smaller.size}")


def _root_at(size: int, larger: Checkpoint, evidence: TwoCheckpoints | HeadAgainstCheckpoint
             ) -> bytes:
    """The root that a checkpoint's log had at a smaller size, or at its own; see `evidence`."""
    if size == larger.size:
        return larger.root
    # Whoever has the larger tree can show it.
    verify_consistency(size, larger.size, evidence.proof, evidence.root, larger.root)
    return evidence.root


def _two_statements(party: Party, evidence: TwoStatements, agreement: Agreement) -> str:
    if len(evidence.leaves) != 2:
        raise BadInput("must be two leaves", field="evidence.leaves")
    one, other = (_statement(leaf, party) for leaf in evidence.leaves)
    if one.index != other.index or one.leaf == other.leaf:
        raise _not_proven("the two statements do not claim one place in the log")
    start = party.new_log
    if start is not None and one.index >= start.size and one.agreement != other.agreement:
        raise _not_proven(f"one may be of the log before, which {party.name} does not go on with "
                          f"behind {start.size} leaves")
    return f"{party.name} signed two different statements for leaf {one.index} of its log"


def _behind_its_head(party: Party, evidence: SeenBehindReceipt, agreement: Agreement) -> str:
    head = _head(evidence.head, party, agreement)
    statements = _run(evidence.leaves, party, head.size)
    if not statements:
        raise _not_proven("it holds no statement from behind the head")
    statement = statements[-1]
    seen = statement.seen.get(head.recipient)
    if seen is None or seen.size >= head.mirrored:
        raise _not_proven("the statement had seen all that the head says to be mirrored")
    _check_not_left_out(head, statements)
    return (f"{party.name} signed for {head.mirrored} leaves of {head.recipient} when its log had "
            f"{head.size}, and said later, in leaf {statement.index}, that it had seen {seen.size}")


def _two_heads(party: Party, evidence: TwoHeads, agreement: Agreement) -> str:
    if len(evidence.heads) != 2:
        raise BadInput("must be two heads", field="evidence.heads")
    one, other = sorted((_head(text, party, agreement) for text in evidence.heads),
                        key=lambda head: head.size)
    if one.size == other.size and one.root != other.root:
        return f"{party.name} signed two histories of {one.size} leaves of its log"
    if one.recipient != other.recipient or one.size == other.size or (
            one.mirrored <= other.mirrored):
        raise _not_proven("the two heads can both be true")
    statements = _run(evidence.leaves, party, one.size)
    if one.size + len(statements) != other.size:
        raise _not_proven(f"it does not hold the leaves from {one.size} to {other.size - 1}")
    _check_not_left_out(one, statements)
    return (f"{party.name} signed for {one.mirrored} leaves of {one.recipient} when its log had "
            f"{one.size}, and for {other.mirrored} when it had {other.size}")


def _run(leaves: Sequence[bytes], party: Party, first: int | None = None) -> list[Statement[Any]]:
    """The statements of a log one after the other, from the index `first` on if it is given."""
    statements = [_statement(leaf, party) for leaf in leaves]
    if first is None and statements:
        first = statements[0].index
    for index, statement in enumerate(statements, first or 0):
        if statement.index != index:
            raise _not_proven(f"leaf {index} is missing, or stands in another place")
    return statements


def _check_not_left_out(head: Head, statements: Sequence[Statement[Any]]) -> None:
    """What was signed before a restore binds nobody after it that the words do not tell of it."""
    sha256 = hashlib.sha256(head.text.encode()).digest()
    for statement in statements:
        if isinstance(statement.body, Restored) and any(
                word.party == head.recipient and word.head_sha256 != sha256
                for word in statement.body.words):
            raise _not_proven(f"its log was restored at leaf {statement.index}, on a word of "
                              f"{head.recipient} that does not tell of this head")


def _head_against_checkpoint(party: Party, evidence: HeadAgainstCheckpoint,
                             agreement: Agreement) -> str:
    head = _head(evidence.head, party, agreement)
    body = _checkpoint(evidence.note, party).checkpoint
    if not 0 < head.size <= body.size or head.root == _root_at(head.size, body, evidence):
        raise _not_proven("head and checkpoint can both be true")
    return f"{party.name} signed two histories of {head.size} leaves of its log"


def _head(text: bytes, party: Party, agreement: Agreement) -> Head:
    """A head of that party to whichever other party of the agreement it names."""
    said = text.decode(errors="replace")
    for other in agreement.parties:
        try:
            return verify_head(said, party.name, other.name, party.keys.channel)
        except NotAuthenticated as error:
            if error.code == "wrong_signature":
                raise Unverified(error.message, code=error.code) from None
    raise _not_proven("it is no head to a party of the agreement")


def _cannot_follow(party: Party, evidence: Contradiction, _: Agreement) -> str:
    statements = _run(evidence.leaves, party)
    if not statements:
        raise _not_proven("it holds no run of statements: audit the whole log instead")
    course = Course(statements[0].index)
    for statement in statements:
        try:
            KINDS[statement.type].follow(course, statement, None)
        except Unverified as error:
            return f"{party.name} contradicts its own log: {error.message}"
    raise _not_proven("each of the statements can follow the others")


def _no_statement(party: Party, evidence: BadStatement, agreement: Agreement) -> str:
    verify_signature(evidence.leaf, party.keys.statements, party.name)
    try:
        statement = parse_statement(evidence.leaf)
        opened = open_disclosures(statement, evidence.disclosures)
        kind = KINDS[statement.type]
        content = kind.open(statement, opened) if opened else None
        # What was not shown may be as it should: only the whole shows that something lacks.
        if opened and content is None and kind.must_open and len(opened) == len(
                statement.digests):
            return (f"{party.name} signed a statement that breaks the format: it commits to "
                    f"no whole {statement.type}")
    except Unverified as error:
        raise _not_proven(str(error)) from None
    except LuftromError as error:
        return f"{party.name} signed a statement that breaks the format: {error}"
    if isinstance(statement.body, Fork) and statement.agreement == agreement.digest:
        try:
            check_fork(statement.body, agreement)
        except Unverified as error:
            return f"{party.name} accused another party of a fork with what is no proof: {error}"
    raise _not_proven("by itself the statement is what the format asks for")


def _outside_terms(party: Party, evidence: VoidStatement, agreement: Agreement) -> str:
    statement = _statement(evidence.leaf, party)
    try:
        opened = open_disclosures(statement, evidence.disclosures)
        content = KINDS[statement.type].open(statement, opened)
    except LuftromError as error:
        raise _not_proven(str(error)) from None
    priority = content.intent.priority if isinstance(content, Version) else None
    if priority is not None and not agreement.may_use(party.name, priority):
        return (f"{party.name} declared, in leaf {statement.index} of its log, a priority that it "
                f"may not use: {priority}")
    raise _not_proven("whether it is outside the terms shows with geometry, or the log before it")


def _checkpoint(note: bytes, party: Party) -> VerifiedCheckpoint:
    keys = [parse_vkey(vkey) for vkey in party.keys.log]
    return verify_checkpoint(note, keys, party.log_origin)


def _statement(leaf: bytes, party: Party) -> Statement[Any]:
    return verify_statement(leaf, party.keys.statements, party.name)


def run_of_leaves(leaf_at: Callable[[int], bytes], first: int, end: int) -> tuple[bytes, ...]:
    """The leaves [first, end) as evidence, or none if they are too many for a document."""
    if end - first > limits.EVIDENCE_LEAVES_MAX:
        return ()
    return tuple(leaf_at(i) for i in range(first, end))


def _not_proven(message: str) -> Unverified:
    return Unverified(f"proves nothing: {message}", code="not_proven")


def _encode(data: bytes, name: str) -> str:
    if name in _HASHES:
        return base64.b64encode(data).decode()
    # What is refused may be any bytes; what was signed is text, and comes back as it was. A text
    # too long for `parse_json` is left out.
    text = data.decode(errors="replace")
    return text if len(text) <= limits.JSON_STRING_CHARS_MAX else ""


def _decode(text: Any, name: str) -> bytes:
    if not isinstance(text, str):
        raise BadInput("must be text", field=f"evidence.{name}")
    if name not in _HASHES:
        return text.encode()
    return parse_base64(text, f"evidence.{name}")


# -- the forms of evidence -----------------------------------------------------------------------

EvidenceT = TypeVar("EvidenceT")


@dataclass(frozen=True, slots=True)
class _Form(Generic[EvidenceT]):
    """A kind of evidence in a document: its members, lists first, and what verifies it."""

    evidence: Callable[..., EvidenceT]
    lists: tuple[str, ...]
    singles: tuple[str, ...]
    verify: Callable[[Party, EvidenceT, Agreement], str]


_FORMS: dict[str, _Form[Any]] = {
    "checkpoints": _Form(TwoCheckpoints, ("notes", "proof"), ("root",), _two_histories),
    "statements": _Form(TwoStatements, ("leaves",), (), _two_statements),
    "heads": _Form(TwoHeads, ("heads", "leaves"), (), _two_heads),
    "head": _Form(HeadAgainstCheckpoint, ("proof",), ("head", "note", "root"),
                  _head_against_checkpoint),
    "seen": _Form(SeenBehindReceipt, ("leaves",), ("head",), _behind_its_head),
    "contradiction": _Form(Contradiction, ("leaves",), (), _cannot_follow),
    "statement": _Form(BadStatement, ("disclosures",), ("leaf",), _no_statement),
    "void": _Form(VoidStatement, ("disclosures",), ("leaf",), _outside_terms),
}
