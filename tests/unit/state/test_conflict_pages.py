"""Conflicts come in pages: by number and by work, all of them once, the same at every node."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import pytest

from luftrom.airspace.constraint import Constraint
from luftrom.airspace.intent import Intent
from luftrom.geometry.volume import Circle, Volume4D
from luftrom.state import meeting
from luftrom.state.entities import Entities
from luftrom.state.progress import Progress
from luftrom.state.record import Record
from luftrom.statements.kinds.constraint import KIND as NOTICE
from luftrom.statements.kinds.declaration import KIND as DECLARATION

NOW_S = 1_780_315_200
COUNT = 7
PAIRS = COUNT * (COUNT - 1) // 2 + COUNT   # of intents that all overlap, and a notice over them


def volume(k: int) -> Volume4D:
    start_ns = (NOW_S + 60 * (COUNT - k)) * 10**9
    return Volume4D(Circle(46.0, 7.0, 500.0 + k), 100.0, 200.0, start_ns, start_ns + 3600 * 10**9)


def record(k: int, serial: int) -> Record:
    name, party = f"{k:08x}-0000-4000-8000-000000000000", "ab"[k % 2]
    content = (Constraint(name, "m", "Closed", "hazard", (volume(k),)) if k == COUNT else
               Intent(name, "m", "Flight", "Accepted", 0, (volume(k),)))
    return Record(party, k, NOW_S, NOW_S, name, 1, {}, serial,
                  NOTICE.name if k == COUNT else DECLARATION.name, content)


def airspace(order: list[int]) -> Entities:
    entities = Entities(None, Progress())
    for serial, k in enumerate(order):
        each = record(k, serial)
        entities.records[each.party, each.index] = each
        entities.meetings.enter(each)
        entities._accept(each, each.index)
    return entities


def ids(pairs: Iterable[Any]) -> list[tuple[int, int]]:
    return [(p.first.index, p.second.index) for p in pairs]


@pytest.mark.parametrize("limit", [1, 4, PAIRS - 1, PAIRS, 1_000])
def test_every_pair_once_and_the_same_at_every_node(limit: int) -> None:
    views = airspace(list(range(COUNT + 1))), airspace(list(range(COUNT, -1, -1)))
    assert views[0].digest() == views[1].digest()
    seen, place = [], None
    while True:
        pages = [view.conflicts(place, limit) for view in views]
        assert ids(pages[0][0]) == ids(pages[1][0]) and pages[0][1] == pages[1][1]
        found, place = pages[0]
        starts = [p.encounter.time_start_ns for p in found]
        assert starts == sorted(starts) and 0 < len(found) <= limit
        seen += ids(found)
        if place is None:
            break
    assert len(seen) == len(set(seen)) == PAIRS
    assert sorted(seen) == sorted(ids(views[0].conflicts()[0]))
    assert all(second == COUNT for first, second in seen if COUNT in (first, second)), (
        "a notice is named second")


def test_a_page_takes_no_more_work_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    view = airspace(list(range(COUNT + 1)))
    _, work = view.meetings.encounter(*(view.records["ab"[k % 2], k] for k in (0, 1)))
    assert len(view.conflicts(None, math.inf, 0.0)[0]) == 0
    assert len(view.conflicts(None, math.inf, work)[0]) == 1
    found, place = view.conflicts(None, math.inf, 3 * work + 1)
    assert len(found) == 4 and place is not None
    again, more = view.conflicts(None, math.inf, 3 * work + 1)
    assert (ids(again), more) == (ids(found), place), "what was kept is counted all the same"


def test_the_digest_says_who_conflicts_and_compares_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    view = airspace(list(range(COUNT + 1)))
    before = view.digest()
    monkeypatch.setattr(meeting, "weigh_encounter", None)
    view.revision += 1
    assert view.digest() == before
    one, other = view.records["a", 0], view.records["b", 1]
    one.rivals.remove(other)
    one.rival_marks -= other.mark
    view.revision += 1
    assert view.digest() != before


def test_so_many_encounters_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meeting, "_ENCOUNTERS_KEPT", 5)
    view = airspace(list(range(COUNT + 1)))
    assert len(view.conflicts()[0]) == PAIRS and len(view.meetings._encounters) == 5


def test_what_ended_is_let_go_of_in_pieces() -> None:
    view = airspace(list(range(COUNT)))
    for each in list(view.records.values()):
        view._end(each, "withdrawn", each.index + COUNT)
    held = [view.meetings.volumes]
    while view._retired:
        view.collect(1.0)
        held.append(view.meetings.volumes)
    assert held == list(range(COUNT, -1, -1))
