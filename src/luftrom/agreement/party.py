"""A party as the agreement names it: name, base URL and public keys, each key with one role."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Any

from luftrom.base64url import encode_base64url, parse_base64url
from luftrom.errors import BadInput
from luftrom.reading import join_field, read_fields, read_integer, read_list, read_text

ROLES = ("statements", "log", "mirror", "channel", "witness")

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
class NewLog:
    """A log that a party goes on with after the one before was continued twice.

    `number` is 2 for the first new one. It takes over the first `size` leaves of the log before,
    whose root hash is `root`: all parties sign for these with the agreement that names it, and
    what the log before has behind them counts no more.
    """

    number: int
    size: int
    root: bytes

    def document(self) -> dict[str, Any]:
        """As it stands in agreements and key cards."""
        return {"number": self.number, "size": self.size, "root": encode_base64url(self.root)}


def parse_new_log(value: Any, field: str) -> NewLog:
    """The member `log` of a party to its value. Raises BadInput."""
    fields = read_fields(value, field, required=("number", "size", "root"))
    root = parse_base64url(read_text(fields["root"], f"{field}.root"), f"{field}.root")
    if len(root) != 32:
        raise BadInput("must be 32 bytes in base64url without padding", field=f"{field}.root")
    return NewLog(read_integer(fields["number"], f"{field}.number", 2),
                  read_integer(fields["size"], f"{field}.size", 1), root)


@dataclass(frozen=True, slots=True)
class Party:
    """One signatory: its name, where its node answers, its keys, and which log it goes on with.

    `new_log` is None while it has its first one.
    """

    name: str
    base_url: str
    keys: PartyKeys
    new_log: NewLog | None = None

    def __post_init__(self) -> None:
        if not _PARTY_NAME.fullmatch(self.name):
            raise BadInput("must be a lower-case name such as alfa.example", field="name")
        if not _URL.fullmatch(self.base_url):
            raise BadInput("must be an http or https URL without a slash at its end",
                           field="base_url")

    @property
    def log_origin(self) -> str:
        """The origin line of this party's log (C2SP tlog-checkpoint)."""
        return origin_of(self.name, self.new_log)

    def log_origins(self, size: int) -> tuple[str, ...]:
        """The origins under which the first `size` leaves may have been signed for.

        Up to where a new log starts these are those of the logs before, too.
        """
        log = self.new_log
        if log is None or size > log.size:
            return (self.log_origin,)
        return tuple(_numbered_origin(self.name, number) for number in range(1, log.number + 1))

    @property
    def mirror_name(self) -> str:
        """The cosigner name of this party's mirror (C2SP tlog-cosignature)."""
        return f"{self.name}/mirror"

    def document(self) -> dict[str, Any]:
        """The party as it stands in agreements and key cards."""
        log = {} if self.new_log is None else {"log": self.new_log.document()}
        return {"name": self.name, "base_url": self.base_url, **log, "keys": self.keys.document()}


def origin_of(party: str, log: NewLog | None) -> str:
    """The origin line of a party's first log, or of a new one."""
    return _numbered_origin(party, 1 if log is None else log.number)


def _numbered_origin(party: str, number: int) -> str:
    """The origin line of a party's log of that number."""
    return f"{party}/log" if number == 1 else f"{party}/log/{number}"


def parse_party(document: Any, field: str = "") -> Party:
    """One entry of `parties`, or the payload of a key card, to its value."""
    fields = read_fields(document, field, required=("name", "base_url", "keys"), optional=("log",))
    keys: dict[str, list[Any]] = {role: [] for role in ROLES}
    for i, item in enumerate(read_list(fields["keys"], join_field(field, "keys"))):
        where = f"{join_field(field, 'keys')}[{i}]"
        role = read_fields(item, where, required=("role",), optional=("jwk", "vkey"))["role"]
        if role not in ROLES:
            raise BadInput(f"must be one of {', '.join(ROLES)}", field=f"{where}.role")
        form = "jwk" if role in ("statements", "channel") else "vkey"
        if form not in item:
            raise BadInput(f"a {role} key is given as {form}", field=where)
        read = _jwk if form == "jwk" else read_text
        keys[role].append(read(item[form], f"{where}.{form}"))
    for role in ("statements", "channel"):
        if len(keys[role]) != 1:
            raise BadInput(f"must hold exactly one {role} key", field=join_field(field, "keys"))
    name = read_text(fields["name"], join_field(field, "name"))
    log = parse_new_log(fields["log"], join_field(field, "log")) if "log" in fields else None
    for role, owner in (("log", origin_of(name, log)), ("mirror", f"{name}/mirror")):
        if any(vkey.split("+")[0] != owner for vkey in keys[role]):
            raise BadInput(f"a {role} key of {name} must bear the name {owner}",
                           field=join_field(field, "keys"))
    return Party(name, read_text(fields["base_url"], join_field(field, "base_url")),
                 PartyKeys(keys["statements"][0], keys["channel"][0], tuple(keys["log"]),
                           tuple(keys["mirror"]), tuple(keys["witness"])), log)


def _jwk(value: Any, field: str) -> bytes:
    fields = read_fields(value, field, required=("kty", "crv", "x"))
    if (fields["kty"], fields["crv"]) != ("OKP", "Ed25519"):
        raise BadInput("must be an Ed25519 JWK (kty OKP, crv Ed25519)", field=field)
    key = parse_base64url(read_text(fields["x"], f"{field}.x"), f"{field}.x")
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
