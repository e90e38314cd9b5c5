"""The others of a record: in blocks, and none is lost at a block's edge."""

from __future__ import annotations

import random

from luftrom.state.others import Others
from luftrom.state.record import Record
from luftrom.statements.kinds.declaration import KIND as DECLARATION


def record(serial: int) -> Record:
    return Record("a", serial, 0, 0, f"{serial}", 1, {}, serial, DECLARATION.name)


def test_like_a_set() -> None:
    chance = random.Random(1)
    records = [record(serial) for serial in (*range(300), 1_000_000)]
    others: Others[Record] = Others()
    held: set[Record] = set()
    for _ in range(3_000):
        each = chance.choice(records)
        if each in held:
            others.remove(each)
            held.discard(each)
        else:
            others.add(each)
            others.add(each)
            held.add(each)
        assert len(others) == len(held) and bool(others) is bool(held)
    assert set(others) == held
    others.clear()
    assert not others and list(others) == []


def test_what_is_copied_at_once_stays_small() -> None:
    """Of thousands that meet, no dict grows beyond a block: they would all grow in one moment."""
    others: Others[Record] = Others()
    for serial in range(5_000):
        others.add(record(serial))
    assert max(map(len, others._blocks.values())) <= 256


def test_rivals_and_their_marks_come_and_go_together() -> None:
    one, two, three = map(record, range(3))
    one.add_rival(two)
    one.add_rival(three)
    assert one.rival_marks == two.mark + three.mark and two.rival_marks == one.mark
    assert sorted(r.serial for r in one.drop_rivals()) == [1, 2]
    assert {r.rival_marks for r in (one, two, three)} == {0}
    assert not (one.rivals or two.rivals or three.rivals)
