"""`forked`: a party signed two histories of its log, and here is the proof (PROTOCOL.md, 21).

From this statement on its author goes by it: what the forker signed beyond the leaves that both
histories have in common counts for nothing, and nobody waits for it any more. The proof stands in
the clear, for it must be known before what is told behind it can be read (`logs.fork`).
"""

from __future__ import annotations

import base64
from typing import Any

from luftrom import limits
from luftrom.agreement.terms import Agreement
from luftrom.base64url import encode_base64url, parse_base64url
from luftrom.errors import BadInput, Unverified
from luftrom.logs.fork import Branch, Fork, verify_fork
from luftrom.statements.claims import (
    DIGEST,
    NAME,
    Claims,
    read_list,
    read_matching,
    read_number,
    read_object,
)
from luftrom.statements.kind import Before, Kind
from luftrom.statements.statement import Statement

_START_CHARS = 256                         # of a payload: its author and its type stand there


def read(claims: Claims) -> Fork:
    """The body; BadInput names the claim at fault. That it proves something is not said yet."""
    of = read_matching(NAME, claims.get("of"), "of")
    if of == claims.get("iss"):
        raise BadInput("must be another party than its author", field="of")
    branches = [_read_branch(item) for item in read_list(claims.get("branches"), "branches")]
    if len(branches) != 2:
        raise BadInput("must be two", field="branches")
    return Fork(of, read_number(claims.get("end"), "end"),
                _read_hashes(claims.get("before"), "before"), (branches[0], branches[1]))


def _read_branch(item: Any) -> Branch:
    read_object(item, "branches", ("checkpoint", "leaf", "proof"))
    note = item["checkpoint"]
    if not isinstance(note, str) or len(note) > limits.NOTE_BYTES_MAX:
        raise BadInput("must be the text of a checkpoint", field="branches.checkpoint")
    leaf = read_matching(DIGEST, item["leaf"], "branches.leaf")
    return Branch(note.encode(errors="replace"), parse_base64url(leaf, "branches.leaf"),
                  _read_hashes(item["proof"], "branches.proof"))


def _read_hashes(value: Any, name: str) -> tuple[bytes, ...]:
    items = read_list(value, name, 0)
    if len(items) > limits.PROOF_HASHES_MAX:
        raise BadInput(f"has {len(items)} hashes; at most {limits.PROOF_HASHES_MAX} are taken",
                       field=name)
    return tuple(parse_base64url(read_matching(DIGEST, item, name), name) for item in items)


def check_fork(fork: Fork, agreement: Agreement) -> None:
    """Unverified (not_proven) unless it proves that a party of the agreement has forked."""
    party = agreement.party(fork.party)
    if party is None:
        raise Unverified(f"{fork.party} is no party of “{agreement.name}”", code="not_proven")
    verify_fork(fork, party)


def fork_told(statement: Statement[Any], agreement: Agreement | None) -> Fork | None:
    """The fork that a statement tells of, if it is of the log that its party goes on with.

    What was told under an earlier version is over where a later one has the party go on with a new
    log: all parties have signed then for the leaves that count.
    """
    fork = statement.body
    if not isinstance(fork, Fork):
        return None
    party = agreement.party(fork.party) if agreement else None
    if (agreement is None or party is None or party.new_log is None
            or statement.agreement not in agreement.earlier):
        return fork
    origin = f"{party.log_origin}\n".encode()
    return fork if fork.branches[0].note.startswith(origin) else None


def is_forked(leaf: bytes) -> bool:
    """Does a leaf look like such a statement? It is cheaper asked than read."""
    start = leaf.find(b".") + 1
    try:
        return b'"type":"forked"' in base64.urlsafe_b64decode(leaf[start:start + _START_CHARS])
    except ValueError:
        return False


def encode(body: Fork) -> Claims:
    """The claims."""
    return {"of": body.party, "end": body.end, "before": [*map(encode_base64url, body.before)],
            "branches": [{"checkpoint": branch.note.decode(), "leaf": encode_base64url(branch.leaf),
                          "proof": [*map(encode_base64url, branch.proof)]}
                         for branch in body.branches]}


def first_needed(statement: Statement[Fork], before: Before) -> int:
    """It contradicts nothing in its own log."""
    return statement.index


KIND: Kind[Fork, None] = Kind("forked", ("of", "end", "before", "branches"), read, encode,
                              first_needed=first_needed)
