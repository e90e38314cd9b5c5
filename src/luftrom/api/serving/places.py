"""Places: how many connections there are, of whom, and who gives way when there are too many.

A connection takes a place before a byte of it is read, TLS handshakes included. Where an address,
or the node, has no place left, the connection that has waited longest without a request in progress
is closed for the new one; if all are at work, the new one is turned away. So those who only sit
push out each other, and never somebody who works.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, field

from luftrom import limits


@dataclass(slots=True, eq=False)
class Place:
    """One connection's. `waiting_since_s` is None while a request is in progress."""

    address: str
    waiting_since_s: float | None
    give_way: Callable[[], object] = field(default=lambda: None)


class Places:
    """All places. Addresses are what `address_of` makes of a peer's."""

    def __init__(self, all_max: int = limits.CONNECTIONS_MAX,
                 address_max: int = limits.CONNECTIONS_PER_ADDRESS_MAX):
        self.all_max = all_max
        self.address_max = address_max
        self.count = 0
        self._of: dict[str, set[Place]] = {}

    def take(self, address: str, now_s: float) -> Place | None:
        """A place for a new connection, or None if there is none to be had."""
        taken = self._of.get(address, ())
        if len(taken) >= self.address_max and not self._make_room(address):
            return None
        if self.count >= self.all_max and not self._make_room(
                max(self._of, key=lambda each: len(self._of[each]))):
            return None
        place = Place(address, now_s)
        self._of.setdefault(address, set()).add(place)
        self.count += 1
        return place

    def leave(self, place: Place) -> None:
        """The connection is gone; leaving twice is leaving once."""
        taken = self._of.get(place.address)
        if taken is None or place not in taken:
            return
        taken.remove(place)
        self.count -= 1
        if not taken:
            del self._of[place.address]

    def of(self, address: str) -> int:
        """How many connections an address has."""
        return len(self._of.get(address, ()))

    def _make_room(self, address: str) -> bool:
        """Close whichever connection of an address has waited longest; is there one?"""
        waiting = [place for place in self._of[address] if place.waiting_since_s is not None]
        if not waiting:
            return False
        oldest = min(waiting, key=lambda place: place.waiting_since_s or 0.0)
        self.leave(oldest)                 # at once: the closing itself takes a turn of the loop
        oldest.give_way()
        return True


def address_of(peer: object) -> str:
    """Whom a socket's peer name counts for: an IPv4 address, or an IPv6 /64, as one host has."""
    host = peer[0] if isinstance(peer, tuple) and peer else "local"
    try:
        address = ipaddress.ip_address(str(host).partition("%")[0])
    except ValueError:
        return str(host)
    if address.version == 6:
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
