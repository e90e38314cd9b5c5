"""The agreement's document: what may be left out, what is refused, and whose turn it is."""

from __future__ import annotations

from typing import Any

import pytest

from luftrom.agreement.bounds import TERMS, AgreedBounds, default_bounds
from luftrom.agreement.terms import (
    NS_PER_DAY,
    NS_PER_HOUR,
    PriorityLevel,
    encode_agreement,
    parse_agreement,
)
from luftrom.clock import parse_time
from luftrom.errors import BadInput
from parties import make_agreement, make_keys, make_party

ALFA, BRAVO, CHARLIE = "alfa.example", "bravo.example", "charlie.example"
DAY_S = 86_400


def agreement(*names: str, **terms: Any) -> Any:
    return make_agreement(tuple(make_party(name, make_keys(name)) for name in names), **terms)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return encode_agreement(agreement(ALFA, BRAVO))


def test_what_is_encoded_is_read_back(document: dict[str, Any]) -> None:
    again = parse_agreement(document, "d")
    assert encode_agreement(again) == document
    assert document["format"] == "luftrom-agreement/2" and again.sealed


def test_what_is_left_out_has_its_default(document: dict[str, Any]) -> None:
    old = {name: value for name, value in document.items() if name not in ("bounds", "sealed")}
    old["silence"] = {"mode": "hold", "after_s": 10}
    agreed = parse_agreement(old, "d")
    assert (agreed.silence.opening_s, agreed.silence.ruling_s, agreed.sealed) == (10, 10, True)
    bounds = agreed.bounds
    # F3548-21: OiMaxPlanHorizon 30 days, CstrMaxPlanningHorizon 56 days, CstrMaxDuration a day.
    assert (bounds.horizon_s, bounds.notice_horizon_s) == (30 * DAY_S, 56 * DAY_S)
    assert bounds.duration_s >= DAY_S and bounds.changes >= bounds.period_s / 5
    # CstrMaxArea 10,000 km2 for a day, as high as the band of 20.5 km, ten times.
    assert bounds.held_km3_h == 10 * 10_000 * 24 * 20.5
    assert (bounds.pending_s, bounds.notices, bounds.extent_m) == (600, 1_000, 1_000_000)


def test_a_declaration_may_wait_as_long_as_the_parties_may_take(document: dict[str, Any]) -> None:
    slow = document | {"silence": {"mode": "hold", "after_s": 600, "ruling_s": 300}, "bounds": {}}
    assert parse_agreement(slow, "d").bounds.pending_s == 1_500
    assert parse_agreement(slow | {"bounds": {"pending_s": 1_500}}, "d").bounds.pending_s == 1_500
    with pytest.raises(BadInput) as refused:
        parse_agreement(slow | {"bounds": {"pending_s": 1_499}}, "d")
    assert refused.value.field == "bounds.pending_s"


def test_the_version_before_is_refused_with_what_to_do(document: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match=r"luftrom agreement new.*all parties sign") as refused:
        parse_agreement(document | {"format": "luftrom-agreement/1"}, "d")
    assert refused.value.field == "format"
    with pytest.raises(BadInput, match="this version reads luftrom-agreement/2"):
        parse_agreement(document | {"format": "luftrom-agreement/3"}, "d")


@pytest.mark.parametrize(("change", "field"), [
    ({"sealed": "yes"}, "sealed"), ({"bounds": []}, "bounds"),
    ({"bounds": {"speed_m_s": 3}}, "bounds.speed_m_s"), ({"bounds": {"notices": 1.5}},
                                                         "bounds.notices"),
    ({"silence": {"mode": "hold", "after_s": 5, "opening_s": 601}}, "silence.opening_s"),
    ({"silence": {"mode": "hold", "after_s": 5, "ruling_s": 0}}, "silence.ruling_s"),
    ({"priority_levels": [{"priority": 0, "conflicts_permitted": False,
                           "parties": [CHARLIE]}]}, "priority_levels, priority 0"),
    ({"priority_levels": [{"priority": 0, "conflicts_permitted": False, "parties": "all"}]},
     "priority_levels[0].parties")])
def test_what_is_wrong_is_named(document: dict[str, Any], change: dict[str, Any], field: str
                                ) -> None:
    with pytest.raises(BadInput) as refused:
        parse_agreement(document | change, "d")
    assert refused.value.field == field


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term.name)
def test_each_bound_may_be_set_from_its_least_to_its_most(term: Any) -> None:
    step = 1 if term.is_whole else term.least / 2
    kind = int if term.is_whole else float
    for value in (term.least, term.most):
        assert getattr(default_bounds(0.0, 1_000.0, **{term.name: kind(value)}), term.name) == value
    for value in (term.least - step, term.most + (1 if term.is_whole else term.most)):
        with pytest.raises(BadInput) as refused:
            default_bounds(0.0, 1_000.0, **{term.name: kind(value)})
        assert refused.value.field == f"bounds.{term.name}"


def test_every_bound_has_its_row() -> None:
    assert sorted(term.name for term in TERMS) == sorted(AgreedBounds.__dataclass_fields__)


def test_only_those_named_may_use_a_level() -> None:
    agreed = agreement(ALFA, BRAVO, levels={0: True, 100: PriorityLevel(False, frozenset({BRAVO}))})
    assert [agreed.may_use(name, level) for name in (ALFA, BRAVO) for level in (0, 50, 100)] == [
        True, False, False, True, False, True]
    assert (agreed.permits_conflicts(0), agreed.permits_conflicts(100),
            agreed.permits_conflicts(50)) == (True, False, False)
    assert parse_agreement(encode_agreement(agreed), "d").priority_levels == agreed.priority_levels


def test_the_turn_changes_by_the_hour_and_by_the_day() -> None:
    agreed = agreement(ALFA, BRAVO)
    for hour in range(24 * 4):
        day = hour // 24
        expected = ALFA if (hour + day) % 2 == 0 else BRAVO
        assert agreed.turn(ALFA, BRAVO, hour * NS_PER_HOUR) == expected
        assert agreed.turn(BRAVO, ALFA, (hour + 1) * NS_PER_HOUR - 1) == expected
    # 2026-06-01 is day 20,605: at noon of an odd day the second has it, an hour later the first.
    noon_ns = parse_time("2026-06-01T12:00:00Z")
    assert noon_ns // NS_PER_DAY == 20_605
    assert agreed.turn(ALFA, BRAVO, noon_ns) == BRAVO
    assert agreed.turn(ALFA, BRAVO, noon_ns + NS_PER_HOUR) == ALFA
    assert agreed.turn(ALFA, BRAVO, noon_ns + NS_PER_DAY) == ALFA


def test_of_three_each_pair_shares_its_hours_evenly() -> None:
    """Rotating the whole list gave one of two neighbours the most of them."""
    agreed = agreement(ALFA, BRAVO, CHARLIE)
    for one, other in ((ALFA, BRAVO), (ALFA, CHARLIE), (BRAVO, CHARLIE)):
        turns = [agreed.turn(one, other, hour * NS_PER_HOUR) for hour in range(48)]
        assert turns.count(one) == turns.count(other) == 24
        assert turns[:24].count(one) == 12


def test_a_turn_is_between_two_parties() -> None:
    agreed = agreement(ALFA, BRAVO)
    for other in (ALFA, CHARLIE):
        with pytest.raises(BadInput):
            agreed.turn(ALFA, other, 0)
