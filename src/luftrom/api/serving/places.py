"""Places: how many connections there are, of whom, and who gives way when there are too many.

A connection takes a place before a byte of it is read, TLS handshakes included. It is a
stranger's until a request on it was vouched for by a valid token or a peer's signature (`vouch`).
Strangers are counted for each address and in all; the last CONNECTIONS_KEPT of all are for those
who were vouched for, and for new connections of addresses that were.

Where an address, or the node, has no place left for one more stranger, the one that has waited
longest without a request in progress is closed for it; in all, one of the address that has most. If
all are at work the new one is turned away, unless somebody was vouched for at its address: then the
stranger that has been there longest is closed, at work or not. So those who only sit push out each
other, and nobody who fills the node keeps a peer or an operator out. A full node takes places
from an address that has many also for one that has few.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from luftrom import limits

_FEW = 4                                   # an address with a quarter of what another has, has few


@dataclass(slots=True, eq=False)
class Place:
    """One connection's. `waiting_since_s` is None while a request is in progress."""

    address: str
    since_s: float
    waiting_since_s: float | None
    is_vouched: bool = False
    give_way: Callable[[], object] = field(default=lambda: None)


class Places:
    """All places. Addresses are what `address_of` makes of a peer's.

    `all_max` counts everybody, `address_max` the strangers of one address; `kept` are the places
    that strangers cannot take, an eighth where there are few.
    """

    def __init__(self, all_max: int = limits.CONNECTIONS_MAX,
                 address_max: int = limits.CONNECTIONS_PER_ADDRESS_MAX,
                 kept: int = limits.CONNECTIONS_KEPT):
        self.all_max = all_max
        self.address_max = address_max
        self.strangers_max = all_max - min(kept, all_max // 8)
        self.count = 0
        self._strangers = 0
        self._of: dict[str, set[Place]] = {}           # strangers' alone
        self._vouched_at: OrderedDict[str, None] = OrderedDict()

    def take(self, address: str, now_s: float) -> Place | None:
        """A place for a new connection, or None if there is none to be had."""
        is_known = address in self._vouched_at
        taken = self.of(address)
        if taken >= self.address_max and not self._make_room(address, at_work=is_known):
            return None
        if self._strangers >= self.strangers_max:
            most = max(self._of, key=lambda each: len(self._of[each]))
            has_few = taken < len(self._of[most]) // _FEW
            has_room = self._make_room(most, at_work=has_few) or (
                is_known and (self.count < self.all_max or self._make_room(most, at_work=True)))
            if not has_room:
                return None
        if self.count >= self.all_max:     # of those who were vouched for nobody gives way
            return None
        place = Place(address, now_s, now_s)
        self._of.setdefault(address, set()).add(place)
        self._strangers += 1
        self.count += 1
        return place

    def vouch(self, place: Place) -> None:
        """Somebody whom this node knows speaks on this connection: it is no stranger's any more."""
        if place.is_vouched or place not in self._of.get(place.address, ()):
            return
        self._forget(place)
        place.is_vouched = True
        self._vouched_at[place.address] = None
        self._vouched_at.move_to_end(place.address)
        if len(self._vouched_at) > limits.VOUCHED_ADDRESSES_MAX:
            self._vouched_at.popitem(last=False)

    def leave(self, place: Place) -> None:
        """The connection is gone; leaving twice is leaving once."""
        if place.is_vouched:
            place.is_vouched = False
            self.count -= 1
        elif place in self._of.get(place.address, ()):
            self._forget(place)
            self.count -= 1

    def of(self, address: str) -> int:
        """How many connections the strangers of an address have."""
        return len(self._of.get(address, ()))

    def _forget(self, place: Place) -> None:
        """Count it among strangers no longer."""
        taken = self._of[place.address]
        taken.remove(place)
        self._strangers -= 1
        if not taken:
            del self._of[place.address]

    def _make_room(self, address: str, *, at_work: bool) -> bool:
        """Close the stranger of an address that has waited longest; is there one?

        With `at_work` the one that came first, where none waits.
        """
        taken = self._of[address]
        waiting = [place for place in taken if place.waiting_since_s is not None]
        if waiting:
            gone = min(waiting, key=lambda place: place.waiting_since_s or 0.0)
        elif at_work:
            gone = min(taken, key=lambda place: place.since_s)
        else:
            return False
        self.leave(gone)                   # at once: the closing itself takes a turn of the loop
        gone.give_way()
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
