"""state.knowledge: what each log had seen of the others, and statements that cannot have."""

from __future__ import annotations

from typing import Any

import pytest

from luftrom.state.knowledge import Knowledge
from luftrom.statements.statement import Seen, Statement

A, B, C = "alfa.example", "bravo.example", "charlie.example"
ROOT = bytes(32)


def said(party: str, index: int, **seen: int) -> Statement[Any]:
    """A statement that had seen so many leaves; `a`, `b` and `c` are the three parties."""
    names = {"a": A, "b": B, "c": C}
    whole = {name: Seen(seen.get(short, 0), ROOT) for short, name in names.items() if name != party}
    return Statement(party, "agreement", index, 1, None, "ab" * 32, whole)


def told(*statements: Statement[Any]) -> Knowledge:
    knowledge = Knowledge()
    for statement in statements:
        assert knowledge.covers(statement) and knowledge.fault(statement) == ""
        knowledge.note(statement)
    return knowledge


def test_what_was_seen_is_counted_leaf_by_leaf() -> None:
    knowledge = told(said(A, 0), said(B, 0, a=1), said(A, 1, b=1), said(A, 2, b=1))
    assert [knowledge.size(name) for name in (A, B, C)] == [3, 1, 0]
    assert knowledge.seen(A, 0) == {}
    assert [dict(knowledge.seen(A, size)) for size in (1, 2, 3)] == [
        {B: 0, C: 0}, {B: 1, C: 0}, {B: 1, C: 0}]
    assert knowledge.seen(A, 2) is knowledge.seen(A, 3)    # what says nothing new takes no room


def test_it_waits_for_what_a_statement_had_seen() -> None:
    knowledge = told(said(B, 0), said(B, 1))
    assert knowledge.covers(said(A, 0, b=2)) and knowledge.covers(said(A, 0))
    assert not knowledge.covers(said(A, 0, b=3))
    assert not knowledge.covers(said(A, 0, b=2, c=1))


def test_a_statement_of_before_the_agreement_had_seen_nobody() -> None:
    alone = Statement(A, "agreement", 0, 1, None)
    knowledge = told(alone)
    assert knowledge.seen(A, 1) == {} and knowledge.fault(alone) == ""


def test_what_had_been_seen_stays_seen() -> None:
    knowledge = told(said(B, 0), said(B, 1), said(A, 0, b=2))
    back = said(A, 1, b=1)
    assert knowledge.fault(said(A, 1, b=2)) == ""
    assert knowledge.fault(back) == ("it had seen 1 leaves of bravo.example; an earlier one of its "
                                     "log had seen 2")
    knowledge.note(back)                   # void, and yet its place in the log is taken
    assert knowledge.seen(A, 2)[B] == 2
    assert knowledge.fault(said(A, 2, b=1)) and not knowledge.fault(said(A, 2, b=2))


def test_who_saw_a_leaf_had_seen_what_that_had_seen() -> None:
    """Alfa knew bravo's leaf, which knew charlie's: alfa cannot say that it crossed charlie's."""
    knowledge = told(said(C, 0), said(B, 0, c=1))
    assert knowledge.fault(said(A, 0, b=1, c=1)) == ""
    assert knowledge.fault(said(A, 0)) == ""
    assert knowledge.fault(said(A, 0, b=1)) == (
        "it had seen leaf 0 of bravo.example, and of charlie.example only 0 leaves of the 1 that "
        "this one had seen")


def test_nobody_had_seen_what_is_still_to_be_signed() -> None:
    """Bravo's leaf names more of alfa's log than there was when alfa saw it."""
    knowledge = told(said(A, 0), said(A, 1), said(B, 0, a=2))
    assert knowledge.fault(said(A, 2, b=1)) == ""
    # The same leaf of bravo's seen from alfa's leaf 1, in a history where that is possible to say.
    other = told(said(A, 0))
    other.note(said(B, 0, a=2))
    assert "of alfa.example only 1 leaves of the 2" in other.fault(said(A, 1, b=1))


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (1, 0, 2, 3)])
def test_the_order_in_which_logs_arrive_changes_nothing(order: tuple[int, ...]) -> None:
    statements = (said(B, 0), said(C, 0), said(A, 0, b=1), said(A, 1, b=1, c=1))
    knowledge = told(*(statements[n] for n in order))
    assert knowledge.seen(A, 2) == {B: 1, C: 1}
