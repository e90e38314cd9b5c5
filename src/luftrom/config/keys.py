"""Private keys: one file a role, readable by the owner alone (PKCS #8, PEM).

Made, written and read here and nowhere else.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, overload

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from luftrom.agreement.party import NewLog, Party, PartyKeys, origin_of, parse_new_log
from luftrom.config.settings import Settings
from luftrom.errors import BadInput, Forbidden
from luftrom.files import naming, read_file, replace_file, write_new, writing
from luftrom.reading import parse_json, read_fields
from luftrom.transparency.note import (
    COSIGNATURE,
    ED25519,
    ML_DSA_44,
    NoteSigner,
    PrivateKey,
)

Ed25519Role = Literal["statements", "channel", "token", "log", "mirror"]

ROLES: dict[str, type[PrivateKey]] = {
    "statements": Ed25519PrivateKey, "channel": Ed25519PrivateKey, "token": Ed25519PrivateKey,
    "log": Ed25519PrivateKey, "log-mldsa": MLDSA44PrivateKey,
    "mirror": Ed25519PrivateKey, "mirror-mldsa": MLDSA44PrivateKey}
LOG_ROLES = ("log", "log-mldsa")
_NEW_LOG_FORMAT = "luftrom-newlog/1"


@dataclass(frozen=True, slots=True)
class NodeKeys:
    """A party's private keys, each with one role; log and mirror sign with two."""

    statements: Ed25519PrivateKey
    channel: Ed25519PrivateKey
    log: tuple[NoteSigner, ...]
    mirror: tuple[NoteSigner, ...]


def make_keys(*roles: str) -> dict[str, PrivateKey]:
    """A new key for each of the roles, or for every one."""
    return {role: ROLES[role].generate() for role in roles or ROLES}


def write_keys(settings: Settings, keys: Mapping[str, PrivateKey]) -> None:
    """Write the keys into their folder, which must not exist yet; nothing is overwritten."""
    with writing(settings.directory / "keys"):
        (settings.directory / "keys").mkdir(mode=0o700)
    for role, key in keys.items():
        write_key(settings.key_path(role), key)


def write_key(path: Path, key: PrivateKey) -> None:
    """Write one private key into a file that must not exist yet."""
    write_new(path, key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                      serialization.NoEncryption()))


# -- the log that the party goes on with ---------------------------------------------------------

def load_new_log(settings: Settings) -> NewLog | None:
    """Where the own log starts, if it is not the first one. Raises BadInput."""
    path = settings.new_log_path
    if not path.exists():
        return None
    with naming(path):
        fields = read_fields(parse_json(read_file(path)), "", required=("format", "log"))
        if fields["format"] != _NEW_LOG_FORMAT:
            raise BadInput(f"is {fields['format']!r}; this version reads {_NEW_LOG_FORMAT}",
                           field="format")
        return parse_new_log(fields["log"], "log")


def write_new_log(settings: Settings, log: NewLog) -> None:
    """From now on the party goes on with this log, whose keys are there."""
    document = {"format": _NEW_LOG_FORMAT, "log": log.document()}
    replace_file(settings.new_log_path, json.dumps(document).encode() + b"\n", mode=0o600)


def log_key_path(settings: Settings, role: str, log: NewLog | None) -> Path:
    """The private key of a role; each log has keys of its own."""
    if log is None or role not in LOG_ROLES:
        return settings.key_path(role)
    return settings.key_path(f"{role}-{log.number}")


@overload
def load_key(settings: Settings, role: Ed25519Role) -> Ed25519PrivateKey: ...
@overload
def load_key(settings: Settings, role: str) -> PrivateKey: ...
def load_key(settings: Settings, role: str) -> PrivateKey:
    """One private key. Raises NotFound, BadInput, or Forbidden if others can read the file."""
    path = log_key_path(settings, role, load_new_log(settings))
    pem = read_file(path, "restore it from your backup, or found the party anew: `luftrom init`")
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise Forbidden(f"others can read {path}; `chmod 600 {path}` mends it")
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise BadInput(f"{path} is not a private key in PEM: {error}") from None
    if isinstance(key, Ed25519PrivateKey | MLDSA44PrivateKey) and isinstance(key, ROLES[role]):
        return key
    wanted = "ML-DSA-44" if ROLES[role] is MLDSA44PrivateKey else "Ed25519"
    raise BadInput(f"{path} is not an {wanted} key")


def load_keys(settings: Settings) -> NodeKeys:
    """The keys that a node works with. Raises as `load_key` does."""
    statements, channel = load_key(settings, "statements"), load_key(settings, "channel")
    log, mirror = _signers(settings.party, {
        role: load_key(settings, role) for role in (*LOG_ROLES, "mirror", "mirror-mldsa")},
        load_new_log(settings))
    return NodeKeys(statements, channel, log, mirror)


def _signers(party: str, keys: Mapping[str, PrivateKey], new_log: NewLog | None
             ) -> tuple[tuple[NoteSigner, ...], tuple[NoteSigner, ...]]:
    """The note signers of log and mirror: Ed25519 first, then ML-DSA-44."""
    origin = origin_of(party, new_log)
    return ((NoteSigner(origin, ED25519, keys["log"]),
             NoteSigner(origin, ML_DSA_44, keys["log-mldsa"])),
            (NoteSigner(f"{party}/mirror", COSIGNATURE, keys["mirror"]),
             NoteSigner(f"{party}/mirror", ML_DSA_44, keys["mirror-mldsa"])))


def public_party(settings: Settings, keys: Mapping[str, PrivateKey],
                 new_log: NewLog | None = None) -> Party:
    """The party as its private keys say it is; `keys` maps each role to its key."""
    log, mirror = _signers(settings.party, keys, new_log)
    return Party(settings.party, settings.base_url, PartyKeys(
        statements=keys["statements"].public_key().public_bytes_raw(),
        channel=keys["channel"].public_key().public_bytes_raw(),
        log=tuple(signer.verifier.encode_vkey() for signer in log),
        mirror=tuple(signer.verifier.encode_vkey() for signer in mirror)), new_log)


def load_public_party(settings: Settings) -> Party:
    """The party as the keys in its directory say it is."""
    return public_party(settings, {r: load_key(settings, r) for r in ROLES if r != "token"},
                        load_new_log(settings))
