"""`passed_over`: own declarations go on without parties that have not receipted them in time.

Signed before their content is opened past those parties: whoever may have been told of it by
somebody else, and receipts it late, stays named. How much of the log of each was open to the author
at that moment is what the ruling will look at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from luftrom import limits
from luftrom.errors import BadInput
from luftrom.statements.claims import NAME, Claims, read_list, read_matching, read_number
from luftrom.statements.kind import Before, Kind
from luftrom.statements.statement import Statement

LEAVES_MAX = 1_024                         # of one statement: they fit into a leaf


@dataclass(frozen=True, slots=True)
class PassedOver:
    """Leaves of the same log, rising; and of each party passed over, how much of its log was open.
    """

    of: tuple[int, ...]
    opened: Mapping[str, int]


def read(claims: Claims) -> PassedOver:
    """The body; BadInput names the claim at fault."""
    of = tuple(read_number(item, "of") for item in read_list(claims.get("of"), "of"))
    if len(of) > LEAVES_MAX or any(one >= other for one, other in pairwise(of)):
        raise BadInput(f"must be sorted, name none twice and at most {LEAVES_MAX}", field="of")
    if of[-1] >= read_number(claims.get("index"), "index"):
        raise BadInput("must be leaves before this one", field="of")
    return PassedOver(of, _read_opened(claims.get("opened")))


def _read_opened(value: Any) -> dict[str, int]:
    if not isinstance(value, dict) or not 0 < len(value) <= limits.PARTIES_MAX:
        raise BadInput("must be an object, a member for each party passed over", field="opened")
    return {read_matching(NAME, name, "opened"): read_number(size, "opened")
            for name, size in value.items()}


def encode(body: PassedOver) -> Claims:
    """The claims."""
    return {"opened": dict(body.opened), "of": list(body.of)}


def first_needed(statement: Statement[PassedOver], before: Before) -> int:
    """It contradicts nothing: what does not wait any more is passed over by nobody."""
    return statement.index


KIND: Kind[PassedOver, None] = Kind("passed_over", ("opened", "of"), read, encode,
                                    first_needed=first_needed)
