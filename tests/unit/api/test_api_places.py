"""Places: who has how many connections, and who gives way."""

from __future__ import annotations

import pytest

from luftrom import limits
from luftrom.api.serving.places import Place, Places, address_of


def taken(places: Places, address: str, at_s: float) -> Place:
    place = places.take(address, at_s)
    assert place is not None
    return place


def test_places_are_counted_for_each_address() -> None:
    places = Places(10, 5)
    first = taken(places, "a", 1)
    taken(places, "b", 2)
    assert (places.count, places.of("a"), places.of("c")) == (2, 1, 0)
    places.leave(first)
    places.leave(first)
    assert (places.count, places.of("a")) == (1, 0)


def test_whoever_waited_longest_gives_way_to_its_own_address() -> None:
    places, gone = Places(10, 2), []
    for at_s, name in ((2, "later"), (1, "longest")):
        taken(places, "a", at_s).give_way = lambda name=name: gone.append(name)
    taken(places, "b", 0).give_way = lambda: gone.append("of another")
    taken(places, "a", 3)
    assert gone == ["longest"] and places.of("a") == 2


def test_who_works_does_not_give_way() -> None:
    places = Places(10, 1)
    place = taken(places, "a", 1)
    place.waiting_since_s = None
    assert places.take("a", 2) is None and places.count == 1
    assert places.take("b", 2) is not None
    place.waiting_since_s = 3.0
    assert places.take("a", 4) is not None and places.of("a") == 1


def test_a_full_node_takes_from_the_address_that_has_most() -> None:
    places, gone = Places(4, 4, 0), []
    taken(places, "few", 0).give_way = lambda: gone.append("few")
    for at_s in (1, 2, 3):
        taken(places, "many", at_s).give_way = lambda at_s=at_s: gone.append(at_s)
    taken(places, "new", 4)
    assert gone == [1] and places.count == 4


def test_a_full_node_that_works_turns_away() -> None:
    places = Places(2, 2)
    for _ in range(2):
        taken(places, "a", 0).waiting_since_s = None
    assert places.take("b", 1) is None and (places.count, places.of("b")) == (2, 0)


# -- places that are kept ------------------------------------------------------------------------

def full(kept: int = 2) -> Places:
    """16 places, of which strangers have all that they can have, two an address, all at work."""
    places = Places(16, 2, kept)
    for n in range(places.strangers_max):
        taken(places, f"stranger {n // 2}", n).waiting_since_s = None
    return places


def known(places: Places, address: str) -> Place:
    """A connection on which somebody was vouched for."""
    place = taken(places, address, 100)
    places.vouch(place)
    return place


def test_strangers_cannot_take_the_last_places() -> None:
    places = full()
    assert places.count == 14 and places.take("one more", 99) is None


def test_an_eighth_is_kept_where_there_are_few() -> None:
    assert Places(16, 16, 512).strangers_max == 14 and Places(7, 7, 512).strangers_max == 7
    assert Places().strangers_max == limits.CONNECTIONS_MAX - limits.CONNECTIONS_KEPT


def test_where_somebody_was_vouched_for_new_connections_take_kept_places() -> None:
    places = Places(16, 16, 2)
    known(places, "peer")
    for n in range(14):
        taken(places, f"stranger {n}", n).waiting_since_s = None
    assert places.take("stranger 99", 50) is None
    second = taken(places, "peer", 51)
    assert places.count == 16
    places.vouch(second)
    gone: list[float] = []
    for place in list(places._of["stranger 0"]):
        place.give_way = lambda: gone.append(0)
    # All is taken: the peer's next one is in place of a stranger at work, whose turn it is.
    most = max(places._of, key=lambda each: len(places._of[each]))
    assert most == "stranger 0"
    taken(places, "peer", 52)
    assert gone == [0] and places.count == 16


def test_nobody_who_was_vouched_for_gives_way() -> None:
    places = Places(3, 3, 0)
    for _ in range(3):
        known(places, "peer").waiting_since_s = 1.0
    assert places.take("peer", 2) is None and places.take("stranger", 2) is None
    assert places.count == 3 and places.of("peer") == 0


def test_those_who_were_vouched_for_leave_an_address_its_number() -> None:
    places = Places(10, 1, 0)
    first = known(places, "office")
    stranger = taken(places, "office", 101)
    stranger.waiting_since_s = None
    # Someone was vouched for there: a stranger at work gives way to who may be another such.
    assert places.take("office", 102) is not None and places.count == 2
    places.leave(first)
    places.leave(first)
    assert places.count == 1
    places.vouch(stranger)                 # it is gone, and takes nobody's number
    assert places.count == 1 and places.of("office") == 1


def test_a_full_node_makes_room_for_who_has_few() -> None:
    places, gone = Places(16, 16, 2), []
    for at_s in range(14):
        place = taken(places, "many", at_s)
        place.waiting_since_s, place.give_way = None, lambda at_s=at_s: gone.append(at_s)
    for at_s in range(20, 23):             # up to a quarter of what the other has
        taken(places, "few", at_s).waiting_since_s = None
    assert gone == [0, 1, 2]
    assert places.take("few", 24) is None and places.of("few") == 3


def test_addresses_are_remembered_up_to_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "VOUCHED_ADDRESSES_MAX", 2)
    places = Places()
    for address in ("a", "b", "a", "c"):
        known(places, address)
    assert list(places._vouched_at) == ["a", "c"]


def test_an_address_is_a_host() -> None:
    assert address_of(("192.0.2.7", 80)) == "192.0.2.7"
    assert address_of(("::ffff:192.0.2.7", 80, 0, 0)) == "192.0.2.7"
    assert address_of(("2001:db8:1:2:3::9", 80, 0, 0)) == "2001:db8:1:2::/64"
    assert address_of(("fe80::1%eth0", 80, 0, 3)) == "fe80::/64"
    assert address_of("") == "local"
