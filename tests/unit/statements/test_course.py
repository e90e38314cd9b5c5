"""statements.course: what each statement owes to the leaves before it, open or sealed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from luftrom.errors import Unverified
from luftrom.statements.claims import Entity
from luftrom.statements.course import Course

Step = Callable[[Course, int], None]
ONE, TWO, THREE = (Entity("x", version) for version in (1, 2, 3))


def declared(entity: Entity | None) -> Step:
    return lambda course, index: course.declare(index, "declaration", entity)


def noticed(entity: Entity) -> Step:
    return lambda course, index: course.give(index, "notice", entity)


def accepted(*of: int) -> Step:
    return lambda course, index: course.rule(index, [(each, True) for each in of])


def refused(*of: int) -> Step:
    return lambda course, index: course.rule(index, [(each, False) for each in of])


def withdrawn(of: int, kind: str = "declaration") -> Step:
    return lambda course, index: course.end(index, of, kind)


def follow(*steps: Step, first: int = 0) -> Course:
    course = Course(first)
    for index, step in enumerate(steps, first):
        step(course, index)
    return course


SEALED = declared(None)
LAWFUL: dict[str, list[Step]] = {
    "sealed, then refused or withdrawn": [SEALED, SEALED, refused(0), withdrawn(1)],
    "sealed and accepted by whoever knows it": [SEALED, accepted(0), withdrawn(0)],
    "sealed ones do not stand in each other's way": [SEALED, SEALED, accepted(0, 1)],
    "open beside sealed": [declared(ONE), SEALED, accepted(0, 1), declared(TWO), accepted(3)],
    "refused and declared again": [declared(ONE), refused(0), declared(ONE), accepted(2)],
    "given up, then anew": [declared(ONE), withdrawn(0), declared(TWO), accepted(2)],
    "void, then refused": [declared(TWO), refused(0)],
    "void, then withdrawn": [declared(TWO), withdrawn(0)],
    "void takes no version": [declared(ONE), declared(TWO), accepted(0), declared(TWO),
                              refused(1), accepted(3)],
    "notices": [noticed(ONE), noticed(TWO), withdrawn(1, "notice"), noticed(THREE)],
}
UNLAWFUL: dict[str, tuple[str, list[Step]]] = {
    "void and accepted": ("rules on leaf 0", [declared(TWO), accepted(0)]),
    "declared while it waits, and accepted": (
        "rules on leaf 1", [declared(ONE), declared(TWO), accepted(1)]),
    "sealed, ruled on twice": ("rules on leaf 0", [SEALED, accepted(0), refused(0)]),
    "sealed, withdrawn twice": ("withdraws leaf 0", [SEALED, withdrawn(0), withdrawn(0)]),
    "sealed, withdrawn when refused": ("withdraws leaf 0", [SEALED, refused(0), withdrawn(0)]),
    "withdrawn when replaced": ("withdraws leaf 0", [
        declared(ONE), accepted(0), declared(TWO), accepted(2), withdrawn(0)]),
    "withdrawn as another kind": ("withdraws leaf 0", [noticed(ONE), withdrawn(0)]),
    "ruled on a notice": ("rules on leaf 0", [noticed(ONE), accepted(0)]),
    "ruled on what is to come": ("rules on leaf 3", [accepted(3)]),
    "a notice out of turn": ("bears version 3 of x; the next one is 2", [
        noticed(ONE), noticed(THREE)]),
    "a first notice of version 2": ("bears version 2 of x; the next one is 1", [noticed(TWO)]),
    "a notice over what waits": ("still waits", [declared(ONE), noticed(TWO)]),
}


@pytest.mark.parametrize("name", LAWFUL)
def test_what_may_follow_what(name: str) -> None:
    follow(*LAWFUL[name])


@pytest.mark.parametrize("name", UNLAWFUL)
def test_what_contradicts_its_own_log(name: str) -> None:
    said, steps = UNLAWFUL[name]
    course = follow(*steps[:-1])
    with pytest.raises(Unverified, match=said) as error:
        steps[-1](course, len(steps) - 1)
    assert error.value.code == "contradiction"


def test_what_came_before_is_not_judged() -> None:
    """An auditor that begins in the middle knows no version, and none of what waited."""
    follow(declared(THREE), accepted(5), accepted(2), withdrawn(3), withdrawn(5), first=5)
    course = follow(declared(THREE), first=5)
    with pytest.raises(Unverified):
        course.rule(6, [(9, True)])
