"""Volumes are compared in pieces, others enter and leave between them, and all meet who should."""

from __future__ import annotations

import math
import random

import pytest

from luftrom import limits
from luftrom.airspace.constraint import Constraint
from luftrom.airspace.intent import Intent
from luftrom.clock import NS_PER_S
from luftrom.errors import TooMuchWork
from luftrom.geometry.allowance import Allowance
from luftrom.geometry.volume import Circle, Polygon, Separation, Volume4D
from luftrom.state.meeting import Meetings
from luftrom.state.record import Record
from luftrom.statements.kinds.constraint import KIND as NOTICE
from luftrom.statements.kinds.declaration import KIND as DECLARATION

HOUR_NS = 3600 * NS_PER_S
NOW_S = 1_780_315_200
SEPARATION = Separation(50.0, 30.0, 0.0)


def circle(place: int, start_ns: int = NOW_S * NS_PER_S, radius_m: float = 100.0) -> Volume4D:
    return Volume4D(Circle(46.0 + place * 2e-3, 7.0, radius_m), 100.0, 200.0, start_ns,
                    start_ns + HOUR_NS)


def ring(corners: int, radius_deg: float = 0.02) -> Polygon:
    turn = 2 * math.pi / corners
    return Polygon(tuple((46.0 + radius_deg * math.sin(turn * k), 7.0 + radius_deg * math.cos(
        turn * k)) for k in range(corners)))


def record(party: str, index: int, volumes: tuple[Volume4D, ...], serial: int,
           is_notice: bool = False, as_of_s: int = NOW_S) -> Record:
    content = (Constraint(f"{party}{index}", "m", "Closed", "hazard", volumes) if is_notice else
               Intent(f"{party}{index}", "m", "Flight", "Accepted", 0, volumes))
    return Record(party, index, NOW_S, as_of_s, f"{party}{index}", 1, {}, serial,
                  NOTICE.name if is_notice else DECLARATION.name, content)


def prepared(meetings: Meetings, each: Record, units: float = math.inf) -> tuple[float, bool]:
    return meetings.prepare((each.party, each.index), each.volumes, each.as_of_s,
                            each.is_constraint, units)


def names(each: Record) -> set[tuple[str, int]]:
    return {(other.party, other.index) for other in each.met}


def test_notices_meet_intents_and_no_notices() -> None:
    meetings = Meetings(SEPARATION)
    notices = [record("b", k, (circle(0),), k, is_notice=True) for k in range(3)]
    intent = record("a", 0, (circle(0),), 3)
    for each in (*notices[:2], intent, notices[2]):
        meetings.enter(each)
    assert names(intent) == {("b", 0), ("b", 1), ("b", 2)}
    assert [names(each) for each in notices] == [{("a", 0)}] * 3
    assert meetings.meeting((circle(0),), NOW_S, Allowance()) == [*notices, intent]
    assert meetings.overlapping(circle(0), Allowance()) == [*notices, intent]


def test_the_work_of_notices_grows_with_their_number_alone() -> None:
    meetings = Meetings(SEPARATION)
    work = [prepared(meetings, record("b", k, (circle(0),), k, is_notice=True))[0]
            for k in range(200)]
    assert work[-1] == work[0]


@pytest.mark.parametrize("seed", range(30))
def test_in_pieces_as_at_once(seed: int) -> None:
    """Three logs, each with a leaf in progress at a time; some leave, some are over meanwhile."""
    chance = random.Random(seed)
    logs = {party: [record(
        party, index, tuple(circle(chance.randrange(6), (NOW_S - chance.choice(
            (0, 0, 1800, 9000, 14_000))) * NS_PER_S) for _ in range(chance.randint(1, 4))),
        0, chance.random() < .3, NOW_S + 600 * index) for index in range(8)] for party in "abc"}
    pieces, order = Meetings(SEPARATION), []
    left = {party: list(records) for party, records in logs.items()}
    steps = 0
    while left:
        party = chance.choice(list(left))
        each = left[party][0]
        _, is_ready = prepared(pieces, each, 1.0)
        steps += 1
        if is_ready:
            each.serial = len(order)
            pieces.enter(each)
            order.append(each)
            left[party].pop(0)
            if not left[party]:
                del left[party]
        if order and chance.random() < .02:
            pieces.leave(gone := order[chance.randrange(len(order))])
            gone.status = "gone"
    assert steps > 2 * len(order)
    at_once, again = Meetings(SEPARATION), []
    for each in order:
        again.append(record(each.party, each.index, each.volumes, each.serial, each.is_constraint,
                            each.as_of_s))
        at_once.enter(again[-1])
    for one, other in zip(order, again, strict=True):
        if one.status == "gone":
            at_once.leave(other)
    assert [names(each) for each in order] == [names(each) for each in again]
    assert pieces.volumes == at_once.volumes


def test_what_is_over_while_it_is_compared_is_let_go() -> None:
    meetings = Meetings(SEPARATION)
    first, second = (record(party, 0, (circle(0),), k) for k, party in enumerate("ab"))
    meetings.enter(first)
    assert prepared(meetings, second, 1.0)[1] is False or not first.met
    meetings.expire((NOW_S + 7200) * NS_PER_S)
    meetings.enter(second)
    assert meetings.volumes == 0 and not second.met and not first.met
    meetings.leave(first)
    meetings.leave(second)


def test_work_is_no_more_than_one_pair_beyond_the_budget() -> None:
    meetings = Meetings(SEPARATION)
    for k in range(20):
        meetings.enter(record("a", k, (Volume4D(ring(100), 0.0, 300.0, 0, 2**61),), k))
    each = record("b", 0, tuple(circle(0) for _ in range(30)), 20)
    pair = 100.0 + 8.0 * (100 + 2)
    works, is_ready = [], False
    while not is_ready:
        work, is_ready = prepared(meetings, each, 5 * pair)
        works.append(work)
    assert max(works) <= 6 * pair and len(works) > 30 * 20 / 6
    meetings.enter(each)
    assert len(each.met) == 20


def test_a_leaf_that_never_enters_is_forgotten() -> None:
    meetings = Meetings(SEPARATION)
    prepared(meetings, record("a", 0, (circle(0),), 0))
    meetings.forget(("a", 0))
    assert meetings.volumes == 0
    prepared(meetings, record("a", 0, (circle(0),), 0))
    meetings.enter(record("a", 1, (circle(0), circle(1)), 0))
    assert meetings.volumes == 2


def test_questions_have_a_bound() -> None:
    meetings = Meetings(SEPARATION)
    for k in range(40):
        meetings.enter(record("a", k, (Volume4D(ring(100), 0.0, 300.0, 0, 2**61),), k))
    needed = 40 * (100.0 + 8.0 * (100 + 2)) + 2 * 100.0 + 40 * 5.0 + 40 * 0.06
    assert len(meetings.meeting((circle(0),), NOW_S, Allowance(needed + 1))) == 40
    assert len(meetings.overlapping(circle(0), Allowance(needed + 1))) == 40
    for ask in (lambda: meetings.meeting((circle(0),), NOW_S, Allowance(needed - 900)),
                lambda: meetings.overlapping(circle(0), Allowance(needed - 900))):
        with pytest.raises(TooMuchWork) as error:
            ask()
        assert (error.value.code, error.value.status) == ("too_much_work", 413)
        assert error.value.detail == {"work_max": int(needed - 900)}


def test_the_budgets_fit_each_other() -> None:
    assert (limits.STEP_PEERS_WORK_MAX < limits.CLIENT_WORK_MAX
            < limits.PEER_WORK_PER_MINUTE_MAX)
