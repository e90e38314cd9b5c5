"""What counts against a ruling that names a party as silent."""

from __future__ import annotations

from typing import Any

import pytest

from luftrom.state.acknowledged import Acknowledged
from luftrom.statements.kinds.declaration import Declared
from luftrom.statements.kinds.passed_over import PassedOver
from luftrom.statements.kinds.restored import Restored
from luftrom.statements.kinds.ruling import Ruling, Rulings
from luftrom.statements.statement import Statement

ALFA, BRAVO = "alfa.example", "bravo.example"


def said(index: int, body: Any) -> Statement[Any]:
    return Statement(party=BRAVO, type="any", index=index, iat_s=0, body=body, agreement="")


def rules(index: int, of: int, counted: int, accepted: bool = True) -> Statement[Any]:
    return said(index, Rulings((Ruling(of, accepted, (), (ALFA,)),), {}, {ALFA: counted}))


def judged(*steps: Any, seen: int = 0) -> list[tuple[str, int, str]]:
    """What turns out to be false: steps are heads, as (size, opened), and bravo's statements."""
    held = Acknowledged()
    for of in {ruling.index for step in steps if isinstance(step, Statement)
               for ruling in getattr(step.body, "rulings", ())}:
        held.mirror(said(of, Declared(0)), {})
    for step in steps:
        if isinstance(step, tuple):
            held.note(BRAVO, ALFA, *step)
        else:
            held.mirror(step, {ruling.index: {ALFA: seen} for ruling in getattr(
                step.body, "rulings", ())})
    return held.take_false()


FALSE = [(BRAVO, 5, ALFA)]


@pytest.mark.parametrize(("size", "found"), [(4, FALSE), (5, FALSE), (6, [])])
def test_a_head_speaks_of_what_stands_behind_it(size: int, found: Any) -> None:
    ruling = rules(5, 3, 7)
    assert judged((size, 8), ruling) == judged(ruling, (size, 8)) == found


def test_it_may_count_what_it_had_signed_for() -> None:
    assert judged((4, 8), rules(5, 3, 8)) == []


def test_it_may_refuse_itself_whatever_it_says() -> None:
    assert judged((4, 8), rules(5, 3, 0, accepted=False)) == []


def test_its_own_statements_speak_as_well() -> None:
    assert judged(rules(3, 1, 8), rules(5, 4, 7)) == FALSE


@pytest.mark.parametrize(("seen", "counted", "found"), [
    (0, 2, []), (0, 1, FALSE), (6, 6, []), (6, 5, FALSE), (9, 8, []), (9, 7, FALSE)])
def test_after_it_passed_over_what_it_had_seen_counts(seen: int, counted: int, found: Any) -> None:
    """Two leaves were open then; a head between says that eight are."""
    passed = said(4, PassedOver((3,), {ALFA: 2}))
    assert judged(passed, (5, 8), rules(5, 3, counted), seen=seen) == found


def test_the_first_statement_that_names_it_counts() -> None:
    first, again = (said(i, PassedOver((3,), {ALFA: 2})) for i in (2, 4))
    assert judged(first, (3, 8), again, rules(5, 3, 2)) == []


def test_who_lies_in_its_heads_is_held_to_the_most() -> None:
    assert judged((4, 8), (5, 0), rules(5, 3, 7)) == FALSE
    assert judged((5, 0), (4, 8), rules(5, 3, 7)) == FALSE


def test_what_was_given_before_a_restore_shows_nothing_behind() -> None:
    restored = said(4, Restored((), "the disk was lost"))
    assert judged((4, 8), restored, rules(5, 3, 0)) == []
    assert judged((5, 8), restored, rules(5, 3, 0)) == FALSE
    assert judged((4, 8), rules(5, 3, 0), said(6, Restored((), "later"))) == FALSE


def test_a_ruling_on_what_is_none_is_not_kept() -> None:
    """Nor a second one on the same declaration: else heads would be held against any number."""
    held = Acknowledged()
    for index in (5, 6):
        held.mirror(rules(index, 3, 0), {3: {ALFA: 9}})
    held.note(BRAVO, ALFA, 4, 2)
    assert held.take_false() == []
    held.mirror(said(7, Declared(0)), {})
    for index in (8, 9):
        held.mirror(rules(index, 7, 0), {7: {ALFA: 9}})
    assert held.take_false() == [(BRAVO, 8, ALFA)]
