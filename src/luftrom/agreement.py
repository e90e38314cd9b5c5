"""The agreement: what all parties signed, as frozen values, and what follows from it alone.

In goes the decoded JSON document that the parties signed (`envelope` has checked the signatures);
out come values that are valid because they exist. Times are nanoseconds since 1970 UTC, lengths
metres, altitudes metres above the WGS84 ellipsoid.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from luftrom import limits
from luftrom.base64url import encode_base64url, parse_base64url
from luftrom.clock import NS_PER_S
from luftrom.errors import BadInput
from luftrom.volume import Polygon, Separation

FORMAT = "luftrom-agreement/1"
ROLES = ("statements", "log", "mirror", "channel", "witness")
SILENCE_MODES = ("hold", "proceed")
NS_PER_HOUR = 3600 * NS_PER_S

_PARTY_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,126}[a-z0-9])?", re.ASCII)
_URL = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+(?:/[A-Za-z0-9._~/-]*[A-Za-z0-9._~-])?", re.ASCII)


@dataclass(frozen=True, slots=True)
class PartyKeys:
    """A party's public keys, each with exactly one role.

    `statements` and `channel` are raw 32-byte Ed25519 keys (in the document: JWKs, RFC 8037);
    `log`, `mirror` and `witness` are C2SP vkeys, by convention one Ed25519 and one ML-DSA-44 each.
    """

    statements: bytes
    channel: bytes
    log: tuple[str, ...]
    mirror: tuple[str, ...]
    witness: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.log or not self.mirror:
            raise BadInput("a party needs at least one log key and one mirror key", field="keys")
        raw = [self.statements, self.channel]
        raw += [_vkey_material(vkey) for vkey in (*self.log, *self.mirror, *self.witness)]
        if len(set(raw)) != len(raw):
            raise BadInput("one key has two roles; every role needs a key of its own", field="keys")

    def document(self) -> list[dict[str, Any]]:
        """The list of keys as it stands in agreements and key cards."""
        def jwk(key: bytes) -> dict[str, str]:
            return {"kty": "OKP", "crv": "Ed25519", "x": encode_base64url(key)}

        keys: list[dict[str, Any]] = [{"role": "statements", "jwk": jwk(self.statements)},
                                      {"role": "channel", "jwk": jwk(self.channel)}]
        for role in ("log", "mirror", "witness"):
            keys += [{"role": role, "vkey": vkey} for vkey in getattr(self, role)]
        return keys


@dataclass(frozen=True, slots=True)
class Party:
    """One signatory: its name, where its node answers, and its keys."""

    name: str
    base_url: str
    keys: PartyKeys

    def __post_init__(self) -> None:
        if not _PARTY_NAME.fullmatch(self.name):
            raise BadInput("must be a lower-case name such as alfa.example", field="name")
        if not _URL.fullmatch(self.base_url):
            raise BadInput("must be an http or https URL without a slash at its end",
                           field="base_url")

    @property
    def log_origin(self) -> str:
        """The origin line of this party's log (C2SP tlog-checkpoint)."""
        return f"{self.name}/log"

    @property
    def mirror_name(self) -> str:
        """The cosigner name of this party's mirror (C2SP tlog-cosignature)."""
        return f"{self.name}/mirror"

    def document(self) -> dict[str, Any]:
        """The party as it stands in agreements and key cards."""
        return {"name": self.name, "base_url": self.base_url, "keys": self.keys.document()}


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
    fields = _fields(document, "", required=(
        "format", "name", "version", "parties", "altitude_m_w84_lower", "altitude_m_w84_upper",
        "separation", "priority_levels", "undeclared_priority_permits", "silence"),
        optional=("area",))
    if fields["format"] != FORMAT:
        raise BadInput(f"is {fields['format']!r}; this version reads {FORMAT}", field="format")
    separation = _fields(fields["separation"], "separation",
                         required=("lateral_m", "vertical_m", "time_s"))
    silence = _fields(fields["silence"], "silence", required=("mode", "after_s"))
    return Agreement(
        name=_text(fields["name"], "name"),
        version=_integer(fields["version"], "version", 1),
        parties=tuple(parse_party(item, f"parties[{i}]")
                      for i, item in enumerate(_list(fields["parties"], "parties"))),
        area=_area(fields.get("area")),
        altitude_m_w84_lower=_number(fields["altitude_m_w84_lower"], "altitude_m_w84_lower"),
        altitude_m_w84_upper=_number(fields["altitude_m_w84_upper"], "altitude_m_w84_upper"),
        separation=Separation(**{name: _number(value, f"separation.{name}")
                                 for name, value in separation.items()}),
        priority_levels=_priority_levels(fields["priority_levels"]),
        undeclared_priority_permits=_boolean(fields["undeclared_priority_permits"],
                                             "undeclared_priority_permits"),
        silence=Silence(_text(silence["mode"], "silence.mode"),
                        _number(silence["after_s"], "silence.after_s")),
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


def parse_party(document: Any, field: str = "") -> Party:
    """One entry of `parties`, or the payload of a key card, to its value."""
    fields = _fields(document, field, required=("name", "base_url", "keys"))
    keys: dict[str, list[Any]] = {role: [] for role in ROLES}
    for i, item in enumerate(_list(fields["keys"], _join(field, "keys"))):
        where = f"{_join(field, 'keys')}[{i}]"
        role = _fields(item, where, required=("role",), optional=("jwk", "vkey"))["role"]
        if role not in ROLES:
            raise BadInput(f"must be one of {', '.join(ROLES)}", field=f"{where}.role")
        form = "jwk" if role in ("statements", "channel") else "vkey"
        if form not in item:
            raise BadInput(f"a {role} key is given as {form}", field=where)
        read = _jwk if form == "jwk" else _text
        keys[role].append(read(item[form], f"{where}.{form}"))
    for role in ("statements", "channel"):
        if len(keys[role]) != 1:
            raise BadInput(f"must hold exactly one {role} key", field=_join(field, "keys"))
    name = _text(fields["name"], _join(field, "name"))
    for role, owner in (("log", f"{name}/log"), ("mirror", f"{name}/mirror")):
        if any(vkey.split("+")[0] != owner for vkey in keys[role]):
            raise BadInput(f"a {role} key of {name} must bear the name {owner}",
                           field=_join(field, "keys"))
    return Party(name, _text(fields["base_url"], _join(field, "base_url")),
                 PartyKeys(keys["statements"][0], keys["channel"][0], tuple(keys["log"]),
                           tuple(keys["mirror"]), tuple(keys["witness"])))


def _join(field: str, name: str) -> str:
    return f"{field}.{name}" if field else name


def _fields(value: Any, field: str, *, required: tuple[str, ...],
            optional: tuple[str, ...] = ()) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadInput("must be a JSON object", field=field or None)
    for name in required:
        if name not in value:
            raise BadInput("is missing", field=_join(field, name))
    for name in value:
        if name not in required and name not in optional:
            raise BadInput("is not a field of this format", field=_join(field, name))
    return value


def _list(value: Any, field: str) -> list[Any]:
    if not isinstance(value, list):
        raise BadInput("must be a list", field=field)
    return value


def _text(value: Any, field: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 4096:
        raise BadInput("must be a non-empty text", field=field)
    return value


def _number(value: Any, field: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadInput("must be a number", field=field)
    return float(value)


def _integer(value: Any, field: str, minimum: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
        raise BadInput(f"must be a whole number of at least {minimum}", field=field)
    return value


def _boolean(value: Any, field: str) -> bool:
    if not isinstance(value, bool):
        raise BadInput("must be true or false", field=field)
    return value


def _area(value: Any) -> Polygon | None:
    if value is None:
        return None
    vertices = _list(_fields(value, "area", required=("vertices",))["vertices"], "area.vertices")
    points = []
    for i, vertex in enumerate(vertices):
        where = f"area.vertices[{i}]"
        point = _fields(vertex, where, required=("lat", "lng"))
        points.append((_number(point["lat"], f"{where}.lat"),
                       _number(point["lng"], f"{where}.lng")))
    return Polygon(tuple(points))


def _priority_levels(value: Any) -> dict[int, bool]:
    levels: dict[int, bool] = {}
    for i, item in enumerate(_list(value, "priority_levels")):
        where = f"priority_levels[{i}]"
        level = _fields(item, where, required=("priority", "conflicts_permitted"))
        priority = _integer(level["priority"], f"{where}.priority", -(2**31))
        if priority in levels:
            raise BadInput(f"priority {priority} is listed twice", field=where)
        levels[priority] = _boolean(level["conflicts_permitted"], f"{where}.conflicts_permitted")
    return levels


def _jwk(value: Any, field: str) -> bytes:
    fields = _fields(value, field, required=("kty", "crv", "x"))
    if (fields["kty"], fields["crv"]) != ("OKP", "Ed25519"):
        raise BadInput("must be an Ed25519 JWK (kty OKP, crv Ed25519)", field=field)
    key = parse_base64url(_text(fields["x"], f"{field}.x"), f"{field}.x")
    if len(key) != 32:
        raise BadInput("must be 32 bytes in base64url without padding", field=f"{field}.x")
    return key


def _vkey_material(vkey: str) -> bytes:
    try:
        material = base64.b64decode(vkey.split("+", 2)[2], validate=True)[1:]
    except (IndexError, ValueError, binascii.Error):
        material = b""
    if not material:
        raise BadInput("must be a C2SP vkey: <name>+<key id>+<base64>", field="keys")
    return material
