"""What was over long before the later of two statements counts for nothing, and is let go."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from luftrom import limits
from luftrom.agreement.terms import Agreement
from luftrom.airspace.constraint import Constraint
from luftrom.airspace.intent import Intent
from luftrom.airspace.over import OVER_S, not_over, over_until_ns
from luftrom.airspace.sentences import conflict_sentence
from luftrom.clock import NS_PER_S
from luftrom.geometry.measure import size_class
from luftrom.geometry.volume import Circle, Separation, Volume4D
from luftrom.state.conflicts import ConflictPair
from luftrom.state.entities import EFFECTS, Entities
from luftrom.state.progress import Progress
from luftrom.state.record import ACCEPTED, WITHDRAWN, Record
from luftrom.state.rulings import Rests, verdict
from luftrom.statements.claims import Entity
from luftrom.statements.kinds.declaration import Declared, Version
from luftrom.statements.kinds.ruling import Ruling, Rulings
from luftrom.statements.kinds.withdrawal import Withdrawal
from luftrom.statements.opening import Item
from luftrom.statements.statement import Seen, Statement
from parties import NOON_NS, make_agreement, make_keys, make_party

ALFA, BRAVO = "alfa.example", "bravo.example"
NOON_S, HOUR_S = NOON_NS // NS_PER_S, 3600
TIME_MIN_S = 60


def sentence_of(pair: ConflictPair) -> str:
    return conflict_sentence(pair.first.name, pair.second.name, pair.encounter, pair.right_of_way)


def agreement() -> Agreement:
    parties = (make_party(name, make_keys(name, post_quantum=False)) for name in (ALFA, BRAVO))
    return make_agreement(tuple(parties), separation=Separation(100.0, 50.0, TIME_MIN_S))


def volume(end_s: int, end_ns: int = 0, lat: float = 46.0) -> Volume4D:
    """Ten minutes in one place, up to so long after noon."""
    end = NOON_NS + end_s * NS_PER_S + end_ns
    return Volume4D(Circle(lat, 7.0, 150.0), 100.0, 200.0, end - 600 * NS_PER_S, end)


@dataclass
class Log:
    """The statements of one party, with their contents, in order."""

    party: str
    said: list[Item[Any, Any]] = field(default_factory=list)

    def say(self, kind: str, at_s: int, body: object, content: Version | Constraint | None = None
            ) -> int:
        other = BRAVO if self.party == ALFA else ALFA
        index = len(self.said)
        self.said.append(Item(Statement(self.party, kind, index, NOON_S + at_s, body, "0" * 64,
                                        {other: Seen(0, bytes(32))}), (), content))
        return index

    def declare(self, at_s: int, *volumes: Volume4D) -> int:
        """Declared and accepted at once; when, in seconds after noon. Returns the leaf."""
        intent = Intent(str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{self.party} {len(self.said)}")), "m",
                        "Flight", "Accepted", 10, volumes)
        index = self.say("declaration", at_s, Declared(size_class(volumes)), Version(intent, 1))
        self.say("ruling", at_s, Rulings((Ruling(index, True),)))
        return index

    def notice(self, at_s: int, *volumes: Volume4D) -> int:
        name = str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{self.party} {len(self.said)}"))
        return self.say("notice", at_s, Entity(name, 1),
                        Constraint(name, "m", "Closed", "hazard", volumes))

    def withdraw(self, index: int, at_s: int) -> int:
        return self.say("withdrawal", at_s, Withdrawal(index))


@dataclass(frozen=True)
class Part:
    """A state of nothing but entities."""

    entities: Entities


def empty() -> Entities:
    return Entities(agreement(), Progress())


def applied(*logs: Log, drops: bool = False, view: Entities | None = None) -> Entities:
    """One log after the other; what `view` has applied already is left out."""
    view = view or empty()
    for log in logs:
        for item in log.said[view.applied.get(log.party, 0):]:
            EFFECTS[item.statement.type](Part(view), item)
            view.progress.note(item.statement)
            if drops:
                view.drop_over()
    return view


def meet(one: Sequence[Volume4D], at_s: int, other: Sequence[Volume4D], other_at_s: int) -> bool:
    """Do two declarations meet? The same whichever arrives first, and whichever party's it is."""
    answers = set()
    for (a, a_s), (b, b_s) in itertools.permutations(((one, at_s), (other, other_at_s))):
        logs = Log(ALFA), Log(BRAVO)
        logs[0].declare(a_s, *a)
        logs[1].declare(b_s, *b)
        for order in itertools.permutations(logs):
            answers |= {len(applied(*order).conflicts()[0]), len(applied(*order, drops=True)
                                                              .conflicts()[0])}
    assert len(answers) == 1
    return bool(answers.pop())


def test_an_hour_ahead_of_the_clock_still_meets_all_that_flies() -> None:
    assert OVER_S - limits.STATEMENT_AHEAD_S_MAX >= 3000


def test_the_rule_at_its_boundary() -> None:
    until_ns = over_until_ns(NOON_S, Separation(0.0, 0.0, 0.5))
    assert until_ns == NOON_NS - OVER_S * NS_PER_S - NS_PER_S // 2
    ended, ends = (Volume4D(Circle(46.0, 7.0, 1.0), 0.0, 1.0, until_ns - 1 + later,
                            until_ns + later) for later in (0, 1))
    assert not_over((ended, ends), until_ns) == (ends,)


@pytest.mark.parametrize("earlier_s", [-3 * HOUR_S, 0])
def test_two_that_were_over_for_the_later_of_them(earlier_s: int) -> None:
    at_s = OVER_S + TIME_MIN_S
    still, over = volume(0, 1), volume(0)
    assert meet((still,), at_s, (still,), earlier_s)
    assert not meet((over,), at_s, (still,), earlier_s)
    assert not meet((still,), at_s, (over,), earlier_s)
    assert not meet((over,), at_s, (over,), earlier_s)
    assert meet((over,), at_s - 1, (over,), earlier_s)
    assert not meet((over,), at_s - 1, (over, volume(0, lat=47.0)), at_s)


def test_an_encounter_is_of_what_is_not_over() -> None:
    alfa, bravo = Log(ALFA), Log(BRAVO)
    alfa.declare(0, volume(0), volume(3 * HOUR_S))
    bravo.declare(3 * HOUR_S, volume(0), volume(3 * HOUR_S))
    pair, = applied(alfa, bravo).conflicts()[0]
    assert pair.encounter.time_start_ns == volume(3 * HOUR_S).time_start_ns
    one, two = Log(ALFA), Log(BRAVO)
    one.declare(0, volume(0), volume(3 * HOUR_S))
    two.declare(1, volume(0), volume(3 * HOUR_S))
    pair, = applied(one, two).conflicts()[0]
    assert pair.encounter.time_start_ns == volume(0).time_start_ns


def test_a_notice_that_is_over_closes_nothing() -> None:
    for at_s, count in ((OVER_S + TIME_MIN_S, 0), (OVER_S + TIME_MIN_S - 1, 1)):
        alfa, bravo = Log(ALFA), Log(BRAVO)
        alfa.notice(-HOUR_S, volume(0))
        bravo.declare(at_s, volume(0))
        assert len(applied(alfa, bravo).conflicts()[0]) == count


def test_a_clock_that_is_put_back_makes_nothing_earlier() -> None:
    alfa, bravo = Log(ALFA), Log(BRAVO)
    bravo.declare(0, volume(0))
    alfa.declare(OVER_S + TIME_MIN_S, volume(0, lat=47.0))
    index = alfa.declare(0, volume(0))
    view = applied(alfa, bravo)
    record = view.records[ALFA, index]
    assert (record.iat_s, record.as_of_s) == (NOON_S, NOON_S + OVER_S + TIME_MIN_S)
    assert view.conflicts()[0] == [] and not record.met


def test_what_must_be_named_is_what_would_be_met() -> None:
    alfa, bravo = Log(ALFA), Log(BRAVO)
    bravo.declare(0, volume(0))
    view = applied(alfa, bravo)
    intent = Intent(str(uuid.uuid4()), "m", "New", "Accepted", None, (volume(0),))
    over_s = NOON_S + OVER_S + TIME_MIN_S
    assert view.relevant(intent, ALFA, over_s) == []
    assert [r.party for r in view.relevant(intent, ALFA, over_s - 1)] == [BRAVO]


def held(view: Entities) -> int:
    return view.meetings.volumes


def day_of(view: Entities, drops: bool) -> tuple[Log, Log]:
    """A day in which two parties declare a flight an hour, and each log reads the other's."""
    alfa, bravo = Log(ALFA), Log(BRAVO)
    for hour in range(24):
        for log in (alfa, bravo):
            log.declare(hour * HOUR_S, volume((hour + 1) * HOUR_S), volume((hour + 2) * HOUR_S))
            applied(log, drops=drops, view=view)
    return alfa, bravo


def test_memory_falls_and_nothing_else_changes() -> None:
    drops, hoards = empty(), empty()
    alfa, bravo = day_of(drops, True)
    day_of(hoards, False)
    assert held(hoards) == 4 * 24 and held(drops) <= 4 * 6
    assert drops.digest() == hoards.digest() == applied(bravo, alfa).digest()
    assert list(drops.rows()) == list(hoards.rows())
    few, all_held = drops.conflicts()[0], hoards.conflicts()[0]
    assert [p.encounter for p in few] == [p.encounter for p in all_held]
    assert [sentence_of(p) for p in few] == [sentence_of(p) for p in all_held]
    assert len(few) > 24
    # A verdict on what was declared long ago is what it was.
    for where, record in drops.records.items():
        assert told(drops, record) == told(hoards, hoards.records[where])
    # What is over can be withdrawn, replaced and collected like everything else.
    for log, other in ((alfa, BRAVO), (bravo, ALFA)):
        log.withdraw(0, 24 * HOUR_S)
        applied(log, view=drops)
        drops.progress.last_seen[log.party] = {other: 100}
    drops.collect()
    assert drops.records[ALFA, 0].status == WITHDRAWN and not drops.records[ALFA, 0].met
    assert held(drops) <= 4 * 6
    hoards.drop_over()
    assert held(hoards) <= 4 * 6


def told(view: Entities, record: Record) -> list[tuple[str, int, str]]:
    """The verdict that rests on all that is applied of the other's log."""
    cuts = {party: size for party, size in view.applied.items() if party != record.party}
    return [(other.party, other.index, rule)
            for other, rule in verdict(view, record, Rests(cuts))]


def test_a_silent_peer_holds_it_back() -> None:
    alfa, bravo = Log(ALFA), Log(BRAVO)
    alfa.declare(0, volume(HOUR_S))
    alfa.declare(48 * HOUR_S, volume(48 * HOUR_S))
    view = applied(alfa)
    view.drop_over()
    assert held(view) == 2                 # nothing was heard of bravo yet
    bravo.declare(HOUR_S, volume(HOUR_S))
    applied(bravo, view=view).drop_over()
    assert held(view) == 3 and len(view.conflicts()[0]) == 1
    bravo.declare(HOUR_S + OVER_S + TIME_MIN_S, volume(HOUR_S))
    applied(bravo, view=view).drop_over()
    assert held(view) == 1 and len(view.conflicts()[0]) == 1
    assert view.query(volume(HOUR_S)) == []
    assert all(record.status == ACCEPTED for record in view.records.values())


def test_dropping_waits_until_it_is_worth_it() -> None:
    log, view = Log(ALFA), Entities(None, Progress())
    log.declare(0, volume(0))
    log.declare(OVER_S - 1, volume(OVER_S))
    applied(log, view=view).collect()
    assert held(view) == 2
    log.declare(OVER_S + 300, volume(OVER_S))
    applied(log, view=view).collect()
    assert held(view) == 3                 # one is over, but five minutes are soon
    log.declare(OVER_S + 700, volume(OVER_S))
    applied(log, view=view).collect()
    assert held(view) == 3
