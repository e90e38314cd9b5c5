"""`notice_withdrawal`: a prior notice ends at its author's word."""

from __future__ import annotations

from luftrom.statements.course import Course
from luftrom.statements.kind import Kind
from luftrom.statements.kinds.constraint import KIND as NOTICE
from luftrom.statements.kinds.withdrawal import CLAIMS, Withdrawal, encode, first_needed, read
from luftrom.statements.statement import Statement


def follow(course: Course, statement: Statement[Withdrawal], content: None) -> None:
    """What it ends must be a notice that stands."""
    course.end(statement.index, statement.body.of, NOTICE.name)


KIND: Kind[Withdrawal, None] = Kind("notice_withdrawal", CLAIMS, read, encode, follow=follow,
                                    first_needed=first_needed)
