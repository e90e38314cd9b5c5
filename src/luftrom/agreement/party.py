"""A party as the agreement names it: name, base URL and public keys, each key with one role."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Any

from luftrom.base64url import encode_base64url, parse_base64url
from luftrom.errors import BadInput
from luftrom.reading import join_field, read_fields, read_list, read_text

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


def parse_party(document: Any, field: str = "") -> Party:
    """One entry of `parties`, or the payload of a key card, to its value."""
    fields = read_fields(document, field, required=("name", "base_url", "keys"))
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
    for role, owner in (("log", f"{name}/log"), ("mirror", f"{name}/mirror")):
        if any(vkey.split("+")[0] != owner for vkey in keys[role]):
            raise BadInput(f"a {role} key of {name} must bear the name {owner}",
                           field=join_field(field, "keys"))
    return Party(name, read_text(fields["base_url"], join_field(field, "base_url")),
                 PartyKeys(keys["statements"][0], keys["channel"][0], tuple(keys["log"]),
                           tuple(keys["mirror"]), tuple(keys["witness"])))


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
