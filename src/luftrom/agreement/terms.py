"""The agreement: what all parties signed, as frozen values, and what follows from it alone.

In goes the decoded JSON document that the parties signed (`envelope` has checked the signatures);
out come values that are valid because they exist. Times are nanoseconds since 1970 UTC, lengths
metres, altitudes metres above the WGS84 ellipsoid. docs/reference/agreement.md lists every member.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from luftrom import limits
from luftrom.agreement.bounds import AgreedBounds, parse_bounds
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

FORMAT = "luftrom-agreement/2"
SILENCE_MODES = ("hold", "proceed")
NS_PER_HOUR = 3600 * NS_PER_S
NS_PER_DAY = 24 * NS_PER_HOUR
_REFUSED_FORMATS = {
    "luftrom-agreement/1": "was written before the terms had bounds, and shares out the hours in "
    "another way: draft it anew from the same terms with `luftrom agreement new`, and let all "
    "parties sign and install that"}


@dataclass(frozen=True, slots=True)
class Silence:
    """What happens when a peer does not answer in time: `hold` or `proceed`.

    A receipt may take `after_s` seconds, the opening of what it covers `opening_s`, and a ruling
    `ruling_s`.
    """

    mode: str
    after_s: float
    opening_s: float
    ruling_s: float

    def __post_init__(self) -> None:
        if self.mode not in SILENCE_MODES:
            raise BadInput(f"must be one of {', '.join(SILENCE_MODES)}", field="silence.mode")
        for name in ("after_s", "opening_s", "ruling_s"):
            if not 0.1 <= getattr(self, name) <= 600:
                raise BadInput("must be 0.1 to 600 seconds", field=f"silence.{name}")

    @property
    def waits_s(self) -> float:
        """How long a declaration may wait where everybody takes all the time that there is."""
        return self.after_s + self.opening_s + self.ruling_s

    def document(self) -> dict[str, Any]:
        """As it stands in the agreement."""
        return {"mode": self.mode, "after_s": self.after_s, "opening_s": self.opening_s,
                "ruling_s": self.ruling_s}


def silence(mode: str, after_s: float, opening_s: float | None = None,
            ruling_s: float | None = None) -> Silence:
    """Opening and ruling may take as long as a receipt unless it is said otherwise."""
    return Silence(mode, after_s, after_s if opening_s is None else opening_s,
                   after_s if ruling_s is None else ruling_s)


@dataclass(frozen=True, slots=True)
class PriorityLevel:
    """May two intents of a priority be in conflict, and which parties may use it (None: all)."""

    conflicts_permitted: bool
    parties: frozenset[str] | None = None

    def document(self, priority: int) -> dict[str, Any]:
        """As it stands in the agreement."""
        named = {} if self.parties is None else {"parties": sorted(self.parties)}
        return {"priority": priority, "conflicts_permitted": self.conflicts_permitted, **named}


@dataclass(frozen=True, slots=True)
class Agreement:
    """The terms between the parties. `digest` is the SHA-256 (hex) of the signed payload bytes.

    `priority_levels` maps a priority to whether conflicts are permitted among intents of that
    priority, and to the parties that may use it; one that is not listed nobody may use.
    `undeclared_priority_permits` says whether conflicts are permitted to intents whose manager told
    no priority (plain F3548 DSS clients) and named the other intent's OVN in its key. `sealed` says
    that content follows the receipts of all parties. `earlier` are the digests of the versions
    that were in force before, as far as they are known here.
    """

    name: str
    version: int
    parties: tuple[Party, ...]
    area: Polygon | None
    altitude_m_w84_lower: float
    altitude_m_w84_upper: float
    separation: Separation
    priority_levels: Mapping[int, PriorityLevel]
    undeclared_priority_permits: bool
    silence: Silence
    bounds: AgreedBounds
    sealed: bool
    digest: str
    earlier: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = [party.name for party in self.parties]
        if len(set(names)) != len(names):
            raise BadInput("two parties have the same name", field="parties")
        if not 2 <= len(names) <= limits.PARTIES_MAX:
            raise BadInput(f"must list 2 to {limits.PARTIES_MAX} parties", field="parties")
        if not self.altitude_m_w84_lower < self.altitude_m_w84_upper:
            raise BadInput("must be below altitude_m_w84_upper", field="altitude_m_w84_lower")
        for priority, level in self.priority_levels.items():
            if level.parties is not None and not level.parties <= set(names):
                raise BadInput(f"names {', '.join(sorted(level.parties - set(names)))}, which is "
                               "no party", field=f"priority_levels, priority {priority}")

    def party(self, name: str) -> Party | None:
        """The party of that name, or None."""
        return next((party for party in self.parties if party.name == name), None)

    def permits_conflicts(self, priority: int) -> bool:
        """May two intents of this priority be in conflict?"""
        level = self.priority_levels.get(priority)
        return level is not None and level.conflicts_permitted

    def may_use(self, party: str, priority: int) -> bool:
        """May that party declare this priority?"""
        level = self.priority_levels.get(priority)
        return level is not None and (level.parties is None or party in level.parties)

    def turn(self, one: str, other: str, time_ns: int) -> str:
        """Whose turn it is between two parties in the UTC hour of `time_ns` (PROTOCOL, rule 11).

        Of the two, the one that is listed first has it when hours plus days since 1970 are even: so
        the two take turns by the hour, and change places each day.
        """
        pair = [party.name for party in self.parties if party.name in (one, other)]
        if len(pair) != 2:
            raise BadInput(f"{one} and {other} are not two parties of the agreement")
        return pair[(time_ns // NS_PER_HOUR + time_ns // NS_PER_DAY) % 2]


def parse_agreement(document: Any, digest: str) -> Agreement:
    """The decoded payload of a signed agreement to its value; BadInput names the field at fault."""
    _check_format(document)
    fields = read_fields(document, "", required=(
        "format", "name", "version", "parties", "altitude_m_w84_lower", "altitude_m_w84_upper",
        "separation", "priority_levels", "undeclared_priority_permits", "silence"),
        optional=("area", "bounds", "sealed"))
    separation = read_fields(fields["separation"], "separation",
                         required=("lateral_m", "vertical_m", "time_s"))
    waits = _silence(fields["silence"])
    lower = read_number(fields["altitude_m_w84_lower"], "altitude_m_w84_lower")
    upper = read_number(fields["altitude_m_w84_upper"], "altitude_m_w84_upper")
    if not lower < upper:
        raise BadInput("must be below altitude_m_w84_upper", field="altitude_m_w84_lower")
    return Agreement(
        name=read_text(fields["name"], "name"),
        version=read_integer(fields["version"], "version", 1),
        parties=tuple(parse_party(item, f"parties[{i}]")
                      for i, item in enumerate(read_list(fields["parties"], "parties"))),
        area=_area(fields.get("area")),
        altitude_m_w84_lower=lower, altitude_m_w84_upper=upper,
        separation=Separation(**{name: read_number(value, f"separation.{name}")
                                 for name, value in separation.items()}),
        priority_levels=_priority_levels(fields["priority_levels"]),
        undeclared_priority_permits=read_boolean(fields["undeclared_priority_permits"],
                                                 "undeclared_priority_permits"),
        silence=waits, sealed=read_boolean(fields.get("sealed", True), "sealed"),
        bounds=parse_bounds(fields.get("bounds", {}), waits.waits_s, upper - lower),
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
        "priority_levels": [agreement.priority_levels[priority].document(priority)
                            for priority in sorted(agreement.priority_levels)],
        "undeclared_priority_permits": agreement.undeclared_priority_permits,
        "silence": agreement.silence.document(), "sealed": agreement.sealed,
        "bounds": agreement.bounds.document()}
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


def _check_format(document: Any) -> None:
    """BadInput says what to do about a version that is not read any more."""
    version = document.get("format") if isinstance(document, Mapping) else None
    if version is None or version == FORMAT:
        return
    told = _REFUSED_FORMATS.get(version) if isinstance(version, str) else None
    raise BadInput(f"is {version!r}, which {told}" if told
                   else f"is {version!r}; this version reads {FORMAT}", field="format")


def _silence(value: Any) -> Silence:
    given = read_fields(value, "silence", required=("mode", "after_s"),
                        optional=("opening_s", "ruling_s"))
    times = {name: read_number(given[name], f"silence.{name}")
             for name in ("after_s", "opening_s", "ruling_s") if name in given}
    return silence(read_text(given["mode"], "silence.mode"), **times)


def _priority_levels(value: Any) -> dict[int, PriorityLevel]:
    levels: dict[int, PriorityLevel] = {}
    for i, item in enumerate(read_list(value, "priority_levels")):
        where = f"priority_levels[{i}]"
        level = read_fields(item, where, required=("priority", "conflicts_permitted"),
                            optional=("parties",))
        priority = read_integer(level["priority"], f"{where}.priority", -(2**31))
        if priority in levels:
            raise BadInput(f"priority {priority} is listed twice", field=where)
        levels[priority] = PriorityLevel(
            read_boolean(level["conflicts_permitted"], f"{where}.conflicts_permitted"),
            _parties_of(level, where))
    return levels


def _parties_of(level: Mapping[str, Any], where: str) -> frozenset[str] | None:
    if "parties" not in level:
        return None
    return frozenset(read_text(name, f"{where}.parties[{i}]")
                     for i, name in enumerate(read_list(level["parties"], f"{where}.parties")))
