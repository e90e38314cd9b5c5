"""Each bound of the agreement: at it nothing is broken, one above it is, by its name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from luftrom.agreement.terms import PriorityLevel
from luftrom.airspace.breach import Breach
from luftrom.airspace.constraint import Constraint
from luftrom.airspace.intent import Intent
from luftrom.airspace.sentences import breach_sentence
from luftrom.clock import NS_PER_S
from luftrom.geometry.volume import Circle, Polygon, Volume4D
from luftrom.state.bounds import Bounds, Usage
from luftrom.state.record import PENDING, REFUSED, VOID, Record
from luftrom.statements.kinds.constraint import KIND as NOTICE
from luftrom.statements.kinds.declaration import KIND as DECLARATION
from parties import NOON_NS, make_agreement, make_keys, make_party

ALFA, BRAVO = "alfa.example", "bravo.example"
NOW_S = NOON_NS // NS_PER_S
PARTIES = tuple(make_party(name, make_keys(name)) for name in (ALFA, BRAVO))
SQUARE = Polygon(((46.0, 7.0), (46.0, 8.0), (47.0, 8.0), (47.0, 7.0)))
KM2 = 1e3 / math.sqrt(math.pi)             # the radius of a square kilometre


def bounds(**terms: Any) -> Bounds:
    return Bounds(make_agreement(PARTIES, **terms))


def volume(lat: float = 46.5, lng: float = 7.5, *, radius_m: float = 100.0, lower_m: float = 100.0,
           upper_m: float = 200.0, start_s: float = 0.0, duration_s: float = 3600.0) -> Volume4D:
    start_ns = NOON_NS + round(start_s * NS_PER_S)
    return Volume4D(Circle(lat, lng, radius_m), lower_m, upper_m, start_ns,
                    start_ns + round(duration_s * NS_PER_S))


def intent(*volumes: Volume4D, entity_id: str = "e", **more: Any) -> Intent:
    return Intent(entity_id, "m", "Flight", **({"state": "Accepted", "priority": 0} | more),
                  volumes=volumes or (volume(),))


def notice(*volumes: Volume4D, entity_id: str = "e") -> Constraint:
    return Constraint(entity_id, "m", "Closed", "hazard", volumes or (volume(),))


def checked(held: Bounds, content: Intent | Constraint, as_of_s: int = NOW_S, party: str = ALFA
            ) -> Breach | None:
    return held.check(party, as_of_s, content.entity_id, content)


def term(held: Bounds, content: Intent | Constraint, as_of_s: int = NOW_S, party: str = ALFA
         ) -> str | None:
    breach = checked(held, content, as_of_s, party)
    return breach.term if breach else None


def noted(held: Bounds, index: int, content: Intent | Constraint, as_of_s: int = NOW_S,
          party: str = ALFA) -> Record:
    """What a state does with a statement: check it, note it, and come to its time."""
    breach = checked(held, content, as_of_s, party)
    kind = NOTICE if isinstance(content, Constraint) else DECLARATION
    record = Record(party, index, as_of_s, as_of_s, content.entity_id, 1, {}, index, kind.name,
                    content, status=VOID if breach else PENDING, breach=breach,
                    deadline_s=held.deadline_s(as_of_s))
    held.note(record)
    held.advance(party, as_of_s)
    return record


def ended(held: Bounds, record: Record) -> None:
    record.status = REFUSED
    held.end(record, is_replaced=False)


# -- where, and with which priority --------------------------------------------------------------

def test_without_an_agreement_nothing_is_bounded() -> None:
    held = Bounds(None)
    huge = intent(volume(radius_m=2e6, duration_s=1e9, upper_m=100_000.0), priority=2**31 - 1)
    assert checked(held, huge) is None and held.inside(huge.volumes) == huge.volumes
    assert held.usage(ALFA) == () and held.deadline_s(0) is None


@pytest.mark.parametrize(("lower_m", "upper_m", "expected"), [
    (2_999.0, 3_100.0, None), (3_000.0, 3_100.0, Breach("altitude", 3_000.0, 3_000.0)),
    (8_000.0, 8_100.0, Breach("altitude", 8_000.0, 3_000.0)),
    (-100.0, 1.0, None), (-100.0, 0.0, Breach("altitude", 0.0, 0.0))])
def test_the_altitude_band(lower_m: float, upper_m: float, expected: Breach | None) -> None:
    held = bounds(band=(0.0, 3_000.0))
    for content in (intent, notice):
        assert checked(held, content(volume(lower_m=lower_m, upper_m=upper_m))) == expected


@pytest.mark.parametrize(("lng", "expected"), [
    (7.5, None), (8.0, None),              # in the middle, and across the border
    (8.0 + 99.0 / 76_600, None), (8.0 + 101.0 / 76_600, "area"), (12.0, "area")])
def test_the_area(lng: float, expected: str | None) -> None:
    """A degree of longitude is about 76.6 km long at 46.5 N; the circle's radius is 100 m."""
    held = bounds(area=SQUARE)
    assert term(held, intent(volume(lng=lng))) == term(held, notice(volume(lng=lng))) == expected


def test_of_what_crosses_the_border_the_volumes_inside_count() -> None:
    held = bounds(area=SQUARE, band=(0.0, 3_000.0), extent_m=1_000.0)
    inside, east, above = volume(), volume(lng=12.0), volume(lower_m=5_000.0, upper_m=5_100.0)
    long = intent(inside, east, above)
    assert held.inside(long.volumes) == (inside,)
    assert checked(held, long) is None     # though it is 345 km across with all of them
    assert term(held, intent(east, above)) == "area"
    assert term(held, intent(above, replace(east, altitude_m_w84_lower=4_000.0,
                                            altitude_m_w84_upper=4_100.0))) == "altitude"


def test_priorities_that_are_listed_and_by_whom_they_may_be_used() -> None:
    held = bounds(levels={0: False, 100: PriorityLevel(False, frozenset({BRAVO}))})
    assert [term(held, intent(priority=p)) for p in (None, 0, 100, 50, 2_000_000, -1)] == [
        None, None, "priority", "priority", "priority", "priority"]
    assert checked(held, intent(priority=50)) == Breach("priority", 50, (0,))
    assert checked(held, intent(priority=50), party=BRAVO) == Breach("priority", 50, (0, 100))
    assert checked(held, intent(priority=100), party=BRAVO) is None


# -- one declaration -----------------------------------------------------------------------------

@pytest.mark.parametrize(("name", "bound", "make"), [
    ("extent_m", 1_000.0, lambda over: intent(volume(radius_m=500.0 + over))),
    ("extent_m", 1_000.0, lambda over: notice(volume(radius_m=500.0 + over))),
    ("duration_s", 7_200.0, lambda over: intent(volume(duration_s=7_200.0 + over))),
    ("duration_s", 7_200.0, lambda over: intent(volume(), volume(start_s=3_600.0 + over))),
    ("duration_s", 7_200.0, lambda over: notice(volume(duration_s=7_200.0 + over))),
    ("horizon_s", 86_400.0, lambda over: intent(volume(start_s=86_400.0 + over))),
    ("notice_horizon_s", 90_000.0, lambda over: notice(volume(start_s=90_000.0 + over)))])
def test_a_bound_of_one(name: str, bound: float, make: Any) -> None:
    held = bounds(**{name: bound})
    assert term(held, make(0.0)) is None
    breach = checked(held, make(1.0))
    assert breach is not None and (breach.term, breach.bound) == (name, bound)
    assert breach.value is not None and bound < breach.value <= bound + 2.0
    assert name in breach_sentence(breach)


def test_the_defaults_let_through_what_the_standard_permits_and_no_year() -> None:
    held, day_s = bounds(), 86_400.0
    assert checked(held, intent(volume(start_s=30 * day_s))) is None       # OiMaxPlanHorizon
    assert term(held, intent(volume(start_s=30 * day_s + 1))) == "horizon_s"
    assert checked(held, notice(volume(start_s=56 * day_s))) is None       # CstrMaxPlanningHorizon
    largest = volume(radius_m=100 * KM2, duration_s=day_s, lower_m=0.0, upper_m=20_000.0)
    assert checked(held, notice(largest)) is None          # CstrMaxArea, CstrMaxDuration
    year = intent(volume(radius_m=1_900_000.0, duration_s=365 * day_s))
    assert term(held, year) == "extent_m"
    assert term(held, intent(volume(duration_s=365 * day_s))) == "duration_s"
    assert term(held, intent(volume(start_s=89 * 365 * day_s))) == "horizon_s"


# -- all that a party holds ----------------------------------------------------------------------

def asks_km3_h(size: float) -> Volume4D:
    """A tenth of a km high and an hour long: its class is the next power of two."""
    return volume(radius_m=KM2 * math.sqrt(10 * size))


def test_volume_times_time_is_held_until_it_is_over() -> None:
    held = bounds(held_km3_h=4.0, period_s=60.0)
    for index in range(3):
        assert checked(held, intent(asks_km3_h(.99))) is None
        noted(held, index, intent(asks_km3_h(.99), entity_id=f"e{index}"))
    assert checked(held, intent(asks_km3_h(.99))) is None  # the fourth class of one is at the bound
    assert checked(held, intent(asks_km3_h(1.01))) == Breach("held_km3_h", 5.0, 4.0)
    assert checked(held, notice(asks_km3_h(1.01))) == Breach("held_km3_h", 5.0, 4.0)
    assert checked(held, intent(asks_km3_h(3.99)), party=BRAVO) is None    # an account a party
    assert held.usage(ALFA)[0] == Usage("held_km3_h", 3.0, 4.0)
    assert term(held, intent(asks_km3_h(3.99)), NOW_S + 3_599) == "held_km3_h"
    assert term(held, intent(asks_km3_h(3.99)), NOW_S + 3_600) is None     # all ended by then
    # A question moves nothing on: asked again at an earlier time it has the same answer.
    assert term(held, intent(asks_km3_h(3.99)), NOW_S + 3_599) == "held_km3_h"


def test_what_was_refused_counts_for_the_period() -> None:
    held = bounds(held_km3_h=1.0, period_s=60.0)
    first = noted(held, 0, intent(asks_km3_h(.99)))
    ended(held, first)
    assert term(held, intent(), NOW_S + 59) == "held_km3_h"
    assert term(held, intent(), NOW_S + 60) is None
    assert held.advance(ALFA, NOW_S + 60) == []
    assert held.usage(ALFA)[0].used == 0.0


def test_what_is_replaced_is_let_go_of_at_once_and_leaves_nothing_behind() -> None:
    held = bounds(held_km3_h=1.0, notices=1)
    for index in range(1_000):
        assert term(held, notice(asks_km3_h(.99), entity_id=str(index))) is None
        record = noted(held, index, notice(asks_km3_h(.99), entity_id=str(index)))
        assert term(held, notice(entity_id="x")) == "held_km3_h"
        held.end(record, is_replaced=True)
    assert len(held._accounts[ALFA].due) < 100


def test_notices() -> None:
    held = bounds(notices=2, period_s=60.0)
    first = noted(held, 0, notice(entity_id="a"))
    assert checked(held, notice(entity_id="b")) is None
    noted(held, 1, notice(entity_id="b"))
    assert checked(held, notice(entity_id="c")) == Breach("notices", 3, 2)
    assert checked(held, intent(entity_id="c")) is None
    ended(held, first)
    assert term(held, notice(entity_id="c"), NOW_S + 59) == "notices"
    assert term(held, notice(entity_id="c"), NOW_S + 60) is None


def test_changes_of_one_activity() -> None:
    held = bounds(changes=2, period_s=60.0)
    for index in range(2):
        assert checked(held, intent(), NOW_S + index) is None
        ended(held, noted(held, index, intent(), NOW_S + index))
    assert checked(held, intent(), NOW_S + 2) == Breach("changes", 3, 2)
    assert checked(held, intent(entity_id="another"), NOW_S + 2) is None
    assert term(held, intent(), NOW_S + 59) == "changes"
    assert term(held, intent(), NOW_S + 60) is None        # the first is out of the period
    assert [u.used for u in held.usage(ALFA) if u.term == "changes"] == [2]
    held.advance(ALFA, NOW_S + 61)
    assert [u.used for u in held.usage(ALFA) if u.term == "changes"] == [0]


def test_what_is_outside_the_terms_holds_nothing_and_is_a_change() -> None:
    held = bounds(changes=1, held_km3_h=1.0)
    assert noted(held, 0, intent(priority=7)).status == VOID
    used = {u.term: u.used for u in held.usage(ALFA)}
    assert (used["held_km3_h"], used["changes"], used["pending_s"]) == (0.0, 1, 0)
    assert term(held, intent()) == "changes"


def test_a_declaration_waits_so_long_and_no_longer() -> None:
    held = bounds(pending_s=600.0)
    waits = noted(held, 0, intent())
    ruled = noted(held, 1, intent(entity_id="f"))
    assert held.advance(ALFA, NOW_S + 600) == []
    assert [u.used for u in held.usage(ALFA) if u.term == "pending_s"] == [600]
    assert not waits.is_overdue(NOW_S + 600) and waits.is_overdue(NOW_S + 601)
    ended(held, ruled)
    assert held.advance(ALFA, NOW_S + 601) == [waits]
    assert held.advance(ALFA, NOW_S + 602) == []           # told once


def test_an_account_keeps_nothing_of_what_is_over() -> None:
    """A thousand short ones one after the other leave as much behind as one."""
    held = bounds(period_s=60.0)
    for index in range(1_000):
        at_s = NOW_S + 100 * index
        start_s = float(at_s - NOW_S)
        ended(held, noted(held, index, intent(volume(start_s=start_s, duration_s=50.0),
                                              entity_id=f"e{index}"), at_s))
    account = held._accounts[ALFA]
    sizes: Sequence[int] = [len(each) for each in (account.holds, account.due, account.times,
                                                   account.recent, account.waiting)]
    assert max(sizes) <= 2
