"""Proofs that a party signed what cannot be true, mostly two things that cannot both be.

In goes what a node caught; out comes a JSON document that convinces a stranger who holds nothing
but the agreement: every byte of its evidence is signed by the party that it accuses. Four kinds:

`checkpoints`: two checkpoints of one log of which neither continues the other.
`statements`: two different statements for one leaf of a log.
`seen`: a statement that had seen less of a log than a receipt by its author covers, where by the
author's own clock the statement is the later of the two.
`contradiction`: a run of consecutive statements of which the last cannot follow the others.
`statement`: a signed leaf that is no statement, or commits to content that breaks the format.

Not everything that a node refuses proves itself: what rests on the whole of two logs, or on what
was never signed, is kept as a record, and verifying it says so (`not_proven`).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from luftrom import limits
from luftrom.agreement.party import Party
from luftrom.agreement.terms import Agreement
from luftrom.errors import BadInput, LuftromError, Unverified
from luftrom.reading import parse_json
from luftrom.statements.course import Course
from luftrom.statements.kinds.constraint import read_notice
from luftrom.statements.kinds.declaration import read_intent
from luftrom.statements.opening import open_disclosures
from luftrom.statements.statement import (
    Statement,
    parse_statement,
    verify_signature,
    verify_statement,
)
from luftrom.transparency.checkpoint import VerifiedCheckpoint, verify_checkpoint
from luftrom.transparency.merkle import verify_consistency
from luftrom.transparency.note import parse_base64, parse_vkey
from luftrom.transparency.receipt import verify_kept_receipt

FORMAT = "luftrom-equivocation/1"
KINDS = ("checkpoints", "statements", "seen", "contradiction", "statement")
EVIDENCE_LEAVES_MAX = 4_096
# Evidence by kind, as it stands in `error.detail`: lists of bytes, and bytes. In the document
# leaves and notes are the text that they are; hashes are base64.
_LISTS = {"checkpoints": ("notes", "proof"), "statements": ("leaves",), "seen": (),
          "contradiction": ("leaves",), "statement": ("disclosures",)}
_SINGLES = {"checkpoints": ("root",), "statements": (), "seen": ("leaf", "note", "checkpoint"),
            "contradiction": (), "statement": ("leaf",)}
_HASHES = ("proof", "root")


@dataclass(frozen=True, slots=True)
class Equivocated:
    """What a verified proof shows: who, by which kind of evidence, and as a sentence."""

    party: str
    kind: str
    sentence: str


def make_equivocation(kind: str, party: str, error: LuftromError) -> bytes:
    """The proof as a document; the evidence is taken from `error.detail`.

    What is missing there is left empty: such a document is a record of what was caught, and
    `verify_equivocation` says that it proves nothing by itself.
    """
    if kind not in KINDS:
        raise BadInput(f"must be one of {', '.join(KINDS)}", field="kind")
    evidence: dict[str, Any] = {name: [_encode(item, name) for item in error.detail.get(name, ())]
                                for name in _LISTS[kind]}
    evidence |= {name: _encode(error.detail.get(name, b""), name) for name in _SINGLES[kind]}
    document = {"format": FORMAT, "kind": kind, "party": party, "code": error.code,
                "said": error.message, "evidence": evidence}
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
    if kind not in KINDS:
        raise BadInput(f"must be one of {', '.join(KINDS)}", field="kind")
    party = agreement.party(str(fields["party"]))
    if party is None:
        raise Unverified(f"{fields['party']!r} is no party of “{agreement.name}”",
                         code="wrong_party")
    evidence = _read_evidence(kind, fields["evidence"])
    verify = {"checkpoints": _two_histories, "statements": _two_statements,
              "seen": _behind_its_receipt, "contradiction": _cannot_follow,
              "statement": _no_statement}[kind]
    return Equivocated(party.name, kind, verify(party, evidence, agreement))


def _read_evidence(kind: str, value: Any) -> dict[str, Any]:
    names = {*_LISTS[kind], *_SINGLES[kind]}
    if not isinstance(value, dict) or set(value) != names:
        raise BadInput(f"must be an object with exactly {', '.join(sorted(names))}",
                       field="evidence")
    for name in _LISTS[kind]:
        if not isinstance(value[name], list) or len(value[name]) > EVIDENCE_LEAVES_MAX:
            raise BadInput(f"must be a list of at most {EVIDENCE_LEAVES_MAX}",
                           field=f"evidence.{name}")
    return ({name: [_decode(item, name) for item in value[name]] for name in _LISTS[kind]}
            | {name: _decode(value[name], name) for name in _SINGLES[kind]})


def _two_histories(party: Party, evidence: Mapping[str, Any], _: Agreement) -> str:
    """The smaller checkpoint's root is not the one that the larger one's tree had at that size."""
    if len(evidence["notes"]) != 2:
        raise BadInput("must be two checkpoints", field="evidence.notes")
    larger, smaller = sorted((_checkpoint(note, party).checkpoint for note in evidence["notes"]),
                             key=lambda body: body.size, reverse=True)
    if smaller.size == larger.size:
        root = larger.root
    else:
        root = evidence["root"]
        # Whoever has the larger tree can show which root it had at the smaller size.
        verify_consistency(smaller.size, larger.size, evidence["proof"], root, larger.root)
    if root == smaller.root or smaller.size == 0:
        raise _not_proven("the two checkpoints are of one history")
    return (f"{party.name} signed two histories of its log: its checkpoints of {smaller.size} and "
            f"of {larger.size} leaves differ in the first {smaller.size}")


def _two_statements(party: Party, evidence: Mapping[str, Any], _: Agreement) -> str:
    if len(evidence["leaves"]) != 2:
        raise BadInput("must be two leaves", field="evidence.leaves")
    one, other = (_statement(leaf, party) for leaf in evidence["leaves"])
    if one.index != other.index or one.leaf == other.leaf:
        raise _not_proven("the two statements do not claim one place in the log")
    return f"{party.name} signed two different statements for leaf {one.index} of its log"


def _behind_its_receipt(party: Party, evidence: Mapping[str, Any], agreement: Agreement) -> str:
    statement = _statement(evidence["leaf"], party)
    keys = [parse_vkey(vkey) for vkey in party.keys.mirror]
    for peer in agreement.parties:
        seen = statement.seen.get(peer.name)
        if seen is None:
            continue
        try:
            body, time_s = verify_kept_receipt(evidence["note"], keys, peer.log_origin)
        except Unverified as error:
            if error.code == "wrong_origin":
                continue
            raise
        if seen.size >= body.size:
            raise _not_proven("the statement had seen all that the receipt covers")
        if not _is_later(statement, time_s, evidence["checkpoint"], party):
            raise _not_proven("nothing that is signed shows that the statement is the later one")
        return (f"{party.name} gave a receipt for {body.size} leaves of {peer.name}, and said "
                f"later, in leaf {statement.index}, that it had seen {seen.size}")
    raise _not_proven("the receipt is not for a log that the statement speaks of")


def _is_later(statement: Statement, time_s: int, checkpoint: bytes, party: Party) -> bool:
    """By its own time, or because a later checkpoint did not cover it yet."""
    if statement.iat_s > time_s:
        return True
    if not checkpoint:
        return False
    verified: VerifiedCheckpoint = _checkpoint(checkpoint, party)
    return (verified.time_s is not None and verified.time_s > time_s
            and verified.checkpoint.size <= statement.index)


def _cannot_follow(party: Party, evidence: Mapping[str, Any], _: Agreement) -> str:
    statements = [_statement(leaf, party) for leaf in evidence["leaves"]]
    if not statements:
        raise _not_proven("it holds no run of statements: audit the whole log instead")
    first = statements[0].index
    course = Course(first)
    for index, statement in enumerate(statements, first):
        if statement.index != index:
            raise _not_proven(f"leaf {index} is missing between the others")
        try:
            course.add(statement)
        except Unverified as error:
            return f"{party.name} contradicts its own log: {error.message}"
    raise _not_proven("each of the statements can follow the others")


def _no_statement(party: Party, evidence: Mapping[str, Any], _: Agreement) -> str:
    leaf = evidence["leaf"]
    verify_signature(leaf, party.keys.statements, party.name)
    try:
        statement = parse_statement(leaf)
        opened = open_disclosures(statement, evidence["disclosures"])
        if statement.type == "declaration" and evidence["disclosures"]:
            read_intent(statement.entity_id, opened)
        elif statement.type == "notice" and evidence["disclosures"]:
            read_notice(statement.entity_id, opened)
    except Unverified as error:
        raise _not_proven(str(error)) from None
    except LuftromError as error:
        return f"{party.name} signed a statement that breaks the format: {error}"
    raise _not_proven("by itself the statement is what the format asks for")


def _checkpoint(note: bytes, party: Party) -> VerifiedCheckpoint:
    keys = [parse_vkey(vkey) for vkey in party.keys.log]
    return verify_checkpoint(note, keys, party.log_origin)


def _statement(leaf: bytes, party: Party) -> Statement:
    return verify_statement(leaf, party.keys.statements, party.name)


def run_of_leaves(leaf_at: Callable[[int], bytes], first: int, end: int) -> list[bytes]:
    """The leaves [first, end) as evidence, or none if they are too many for a document."""
    return [leaf_at(i) for i in range(first, end)] if end - first <= EVIDENCE_LEAVES_MAX else []


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
