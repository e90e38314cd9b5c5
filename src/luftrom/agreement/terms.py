"""The agreement: what all parties signed, as frozen values, and what follows from it alone.

In goes the decoded JSON document that the parties signed (`envelope` has checked the signatures);
out come values that are valid because they exist. Times are nanoseconds since 1970 UTC, lengths
metres, altitudes metres above the WGS84 ellipsoid.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from luftrom import limits
from luftrom.agreement.party import Party, parse_party
from luftrom.clock import NS_PER_S
from luftrom.errors import BadInput
from luftrom.geometry.volume import Polygon, Separation
from luftrom.reading import (
    read_boolean,
    read_fields,
    read_integer,
    read_list,
    read_number,
    read_text,
)

FORMAT = "luftrom-agreement/1"
SILENCE_MODES = ("hold", "proceed")
NS_PER_HOUR = 3600 * NS_PER_S


@dataclass(frozen=True, slots=True)
class Silence:
    """What happens when a peer does not answer within `after_s` seconds: `hold` or `proceed`."""

    mode: str
    after_s: float

    def __post_init__(self) -> None:
        if self.mode not in SILENCE_MODES:
            raise BadInput(f"must be one of {', '.join(SILENCE_MODES)}", field="silence.mode")
        if not 0.1 <= self.after_s <= 600:
            raise BadInput("must be 0.1 to 600 seconds", field="silence.after_s")


@dataclass(frozen=True, slots=True)
class Agreement:
    """The terms between the parties. `digest` is the SHA-256 (hex) of the signed payload bytes.

    `priority_levels` maps a priority to whether conflicts are permitted among intents of that
    priority; a priority that is not listed does not permit them, which is the standard's default.
    `undeclared_priority_permits` is the same for intents whose manager told no priority (plain
    F3548 DSS clients) and named the other intent's OVN in its key.
    """

    name: str
    version: int
    parties: tuple[Party, ...]
    area: Polygon | None
    altitude_m_w84_lower: float
    altitude_m_w84_upper: float
    separation: Separation
    priority_levels: Mapping[int, bool]
    undeclared_priority_permits: bool
    silence: Silence
    digest: str
    sealed: bool = True

    def __post_init__(self) -> None:
        names = [party.name for party in self.parties]
        if len(set(names)) != len(names):
            raise BadInput("two parties have the same name", field="parties")
        if not 2 <= len(names) <= limits.PARTIES_MAX:
            raise BadInput(f"must list 2 to {limits.PARTIES_MAX} parties", field="parties")
        if not self.altitude_m_w84_lower < self.altitude_m_w84_upper:
            raise BadInput("must be below altitude_m_w84_upper", field="altitude_m_w84_lower")

    def party(self, name: str) -> Party | None:
        """The party of that name, or None."""
        return next((party for party in self.parties if party.name == name), None)

    def permits_conflicts(self, priority: int) -> bool:
        """May two intents of this priority be in conflict?"""
        return self.priority_levels.get(priority, False)

    def turn(self, one: str, other: str, time_ns: int) -> str:
        """Whose turn it is between two parties in the UTC hour of `time_ns`.

        The list of parties is rotated by one place each hour since 1970; of the two, the one that
        comes first in the rotated list has the turn.
        """
        names = [party.name for party in self.parties]
        start = (time_ns // NS_PER_HOUR) % len(names)
        for name in names[start:] + names[:start]:
            if name in (one, other):
                return name
        raise BadInput(f"neither {one} nor {other} is a party of the agreement")


def parse_agreement(document: Any, digest: str) -> Agreement:
    """The decoded payload of a signed agreement to its value; BadInput names the field at fault."""
    fields = read_fields(document, "", required=(
        "format", "name", "version", "parties", "altitude_m_w84_lower", "altitude_m_w84_upper",
        "separation", "priority_levels", "undeclared_priority_permits", "silence"),
        optional=("area",))
    if fields["format"] != FORMAT:
        raise BadInput(f"is {fields['format']!r}; this version reads {FORMAT}", field="format")
    separation = read_fields(fields["separation"], "separation",
                         required=("lateral_m", "vertical_m", "time_s"))
    silence = read_fields(fields["silence"], "silence", required=("mode", "after_s"))
    return Agreement(
        name=read_text(fields["name"], "name"),
        version=read_integer(fields["version"], "version", 1),
        parties=tuple(parse_party(item, f"parties[{i}]")
                      for i, item in enumerate(read_list(fields["parties"], "parties"))),
        area=_area(fields.get("area")),
        altitude_m_w84_lower=read_number(fields["altitude_m_w84_lower"], "altitude_m_w84_lower"),
        altitude_m_w84_upper=read_number(fields["altitude_m_w84_upper"], "altitude_m_w84_upper"),
        separation=Separation(**{name: read_number(value, f"separation.{name}")
                                 for name, value in separation.items()}),
        priority_levels=_priority_levels(fields["priority_levels"]),
        undeclared_priority_permits=read_boolean(fields["undeclared_priority_permits"],
                                             "undeclared_priority_permits"),
        silence=Silence(read_text(silence["mode"], "silence.mode"),
                        read_number(silence["after_s"], "silence.after_s")),
        digest=digest)


def encode_agreement(agreement: Agreement) -> dict[str, Any]:
    """The document that `parse_agreement` reads; what the parties sign is this document's bytes."""
    document: dict[str, Any] = {
        "format": FORMAT, "name": agreement.name, "version": agreement.version,
        "parties": [party.document() for party in agreement.parties],
        "altitude_m_w84_lower": agreement.altitude_m_w84_lower,
        "altitude_m_w84_upper": agreement.altitude_m_w84_upper,
        "separation": {"lateral_m": agreement.separation.lateral_m,
                       "vertical_m": agreement.separation.vertical_m,
                       "time_s": agreement.separation.time_s},
        "priority_levels": [{"priority": priority, "conflicts_permitted": permitted}
                            for priority, permitted in sorted(agreement.priority_levels.items())],
        "undeclared_priority_permits": agreement.undeclared_priority_permits,
        "silence": {"mode": agreement.silence.mode, "after_s": agreement.silence.after_s}}
    if agreement.area is not None:
        document["area"] = {"vertices": [{"lat": lat, "lng": lng}
                                         for lat, lng in agreement.area.vertices]}
    return document


def _area(value: Any) -> Polygon | None:
    if value is None:
        return None
    vertices = read_list(read_fields(value, "area", required=("vertices",))["vertices"],
                         "area.vertices")
    points = []
    for i, vertex in enumerate(vertices):
        where = f"area.vertices[{i}]"
        point = read_fields(vertex, where, required=("lat", "lng"))
        points.append((read_number(point["lat"], f"{where}.lat"),
                       read_number(point["lng"], f"{where}.lng")))
    return Polygon(tuple(points))


def _priority_levels(value: Any) -> dict[int, bool]:
    levels: dict[int, bool] = {}
    for i, item in enumerate(read_list(value, "priority_levels")):
        where = f"priority_levels[{i}]"
        level = read_fields(item, where, required=("priority", "conflicts_permitted"))
        priority = read_integer(level["priority"], f"{where}.priority", -(2**31))
        if priority in levels:
            raise BadInput(f"priority {priority} is listed twice", field=where)
        levels[priority] = read_boolean(level["conflicts_permitted"],
                                        f"{where}.conflicts_permitted")
    return levels
