"""`withdrawal`: a declaration, ruled on or not, ends at its author's word."""

from __future__ import annotations

from dataclasses import dataclass

from luftrom.statements.claims import Claims, read_number, read_reason
from luftrom.statements.course import Course
from luftrom.statements.kind import Before, Kind
from luftrom.statements.kinds.declaration import KIND as DECLARATION
from luftrom.statements.statement import Statement

CLAIMS = ("of", "reason?")


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """The leaf of the same log whose version ends, and why, in words.

    What it is a version of stands there and not here: it may still be sealed.
    """

    of: int
    reason: str = ""


def read(claims: Claims) -> Withdrawal:
    """The body of a withdrawal; BadInput names the claim at fault."""
    reason = read_reason(claims.get("reason", ""))
    return Withdrawal(read_number(claims.get("of"), "of"), reason)


def encode(body: Withdrawal) -> Claims:
    """The claims of a withdrawal."""
    reason = {"reason": body.reason} if body.reason else {}
    return {"of": body.of, **reason}


def follow(course: Course, statement: Statement[Withdrawal], content: None) -> None:
    """What it ends must be a declaration that waits or stands."""
    course.end(statement.index, statement.body.of, DECLARATION.name)


def first_needed(statement: Statement[Withdrawal], before: Before) -> int:
    """What it ends, or would end, shows whether it can."""
    return min(statement.index, statement.body.of)


KIND: Kind[Withdrawal, None] = Kind("withdrawal", CLAIMS, read, encode, follow=follow,
                                    first_needed=first_needed)
