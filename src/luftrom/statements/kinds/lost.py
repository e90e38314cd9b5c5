"""`lost`: own leaves whose content nobody has any more: void for good (PROTOCOL.md, 20)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from luftrom.errors import BadInput
from luftrom.statements.claims import Claims, read_list, read_number
from luftrom.statements.kind import Before, Kind
from luftrom.statements.statement import Statement

LEAVES_MAX = 4_096                         # of one statement: they fit into a leaf


@dataclass(frozen=True, slots=True)
class Lost:
    """The indexes of leaves of the same log, rising."""

    leaves: tuple[int, ...]


def read(claims: Claims) -> Lost:
    """The body; BadInput names the claim at fault."""
    leaves = tuple(read_number(item, "leaves") for item in read_list(claims.get("leaves"),
                                                                      "leaves"))
    if len(leaves) > LEAVES_MAX or any(one >= other for one, other in pairwise(leaves)):
        raise BadInput(f"must be sorted, name none twice and at most {LEAVES_MAX}",
                       field="leaves")
    if leaves[-1] >= read_number(claims.get("index"), "index"):
        raise BadInput("must be leaves before this one", field="leaves")
    return Lost(leaves)


def encode(body: Lost) -> Claims:
    """The claims."""
    return {"leaves": list(body.leaves)}


def first_needed(statement: Statement[Lost], before: Before) -> int:
    """It contradicts nothing: every leaf can have been lost."""
    return statement.index


KIND: Kind[Lost, None] = Kind("lost", ("leaves",), read, encode, first_needed=first_needed)
