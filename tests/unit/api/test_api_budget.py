"""The budget of bodies in progress: each bound at it and one above, and all comes back."""

from __future__ import annotations

import pytest

from luftrom import limits
from luftrom.api.serving.budget import Budget, Share
from luftrom.api.serving.places import Place
from luftrom.errors import Unavailable


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("BODIES_BYTES_MAX", 100), ("STRANGERS_BODIES_BYTES_MAX", 50),
                        ("ADDRESS_BODIES_BYTES_MAX", 30)):
        monkeypatch.setattr(limits, name, value)


def share(budget: Budget, address: str = "a", *, is_vouched: bool = False) -> Share:
    return Share(budget, Place(address, 0, None, is_vouched))


def refused(of: Share, count: int) -> str:
    budget = of.budget
    before = (budget.all_bytes, budget.strangers_bytes, of.bytes)
    with pytest.raises(Unavailable) as busy:
        of.take(count)
    assert (busy.value.code, busy.value.status) == ("busy", 503)
    assert before == (budget.all_bytes, budget.strangers_bytes, of.bytes)
    return busy.value.message


def test_an_address_has_its_part() -> None:
    budget = Budget()
    first, second = share(budget), share(budget)
    first.take(20)
    second.take(10)
    assert "from a have 30 bytes" in refused(second, 1)
    first.give_back()
    second.take(20)
    assert "from a have" in refused(first, 1)


def test_strangers_have_their_part() -> None:
    budget = Budget()
    share(budget, "a").take(30)
    share(budget, "b").take(20)
    assert "without a token have 50 bytes" in refused(share(budget, "c"), 1)
    share(budget, "a", is_vouched=True).take(50)       # whom strangers leave half of all
    assert "all bodies in progress have 100 bytes" in refused(
        share(budget, "d", is_vouched=True), 1)


def test_what_came_before_somebody_vouched_for_it_is_given_back_as_such() -> None:
    budget = Budget()
    one = share(budget)
    one.take(30)
    one.place.is_vouched = True
    one.take(70)
    assert (budget.all_bytes, budget.strangers_bytes) == (100, 30)
    for _ in range(2):
        one.give_back()
        assert (budget.all_bytes, budget.strangers_bytes, budget.of) == (0, 0, {})


def test_what_is_thrown_away_takes_no_room() -> None:
    budget = Budget()
    one = share(budget)
    one.take(30)
    one.discard()
    one.take(1_000)
    assert (budget.all_bytes, one.bytes) == (0, 0)
