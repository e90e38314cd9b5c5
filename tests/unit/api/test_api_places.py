"""Places: who has how many connections, and who gives way."""

from __future__ import annotations

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
    places, gone = Places(4, 4), []
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


def test_an_address_is_a_host() -> None:
    assert address_of(("192.0.2.7", 80)) == "192.0.2.7"
    assert address_of(("::ffff:192.0.2.7", 80, 0, 0)) == "192.0.2.7"
    assert address_of(("2001:db8:1:2:3::9", 80, 0, 0)) == "2001:db8:1:2::/64"
    assert address_of(("fe80::1%eth0", 80, 0, 3)) == "fe80::/64"
    assert address_of("") == "local"
