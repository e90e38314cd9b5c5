"""`withdrawal`: a declaration, ruled on or not, ends at its author's word."""

from __future__ import annotations

from dataclasses import dataclass

from luftrom.statements.claims import (
    Claims,
    Entity,
    encode_entity,
    read_entity,
    read_number,
    read_reason,
)
from luftrom.statements.course import Course
from luftrom.statements.kind import Before, Kind
from luftrom.statements.kinds.declaration import KIND as DECLARATION
from luftrom.statements.statement import Statement

CLAIMS = ("of", "entity", "reason?")


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """The version that ends, the leaf of the same log that it stands at, and why, in words."""

    of: int
    entity: Entity
    reason: str = ""


def read(claims: Claims) -> Withdrawal:
    """The body of a withdrawal; BadInput names the claim at fault."""
    reason = read_reason(claims.get("reason", ""))
    return Withdrawal(read_number(claims.get("of"), "of"), read_entity(claims), reason)


def encode(body: Withdrawal) -> Claims:
    """The claims of a withdrawal."""
    reason = {"reason": body.reason} if body.reason else {}
    return {"of": body.of, **encode_entity(body.entity), **reason}


def follow(course: Course, statement: Statement[Withdrawal]) -> None:
    """What it ends must be a declaration that waits or stands."""
    course.end(statement.index, statement.body.of, DECLARATION.name, statement.body.entity)


def first_needed(statement: Statement[Withdrawal], before: Before) -> int:
    """What it ends, or would end, shows whether it can."""
    return min(statement.index, statement.body.of)


KIND: Kind[Withdrawal, None] = Kind("withdrawal", CLAIMS, read, encode, follow, first_needed)
