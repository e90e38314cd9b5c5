"""Private keys: one file a role, readable by the owner alone (PKCS #8, PEM).

Made, written and read here and nowhere else.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, overload

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from luftrom.agreement.party import Party, PartyKeys
from luftrom.config.settings import Settings
from luftrom.errors import BadInput, Forbidden
from luftrom.files import read_file, write_new, writing
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


@dataclass(frozen=True, slots=True)
class NodeKeys:
    """A party's private keys, each with one role; log and mirror sign with two."""

    statements: Ed25519PrivateKey
    channel: Ed25519PrivateKey
    log: tuple[NoteSigner, ...]
    mirror: tuple[NoteSigner, ...]


def make_keys() -> dict[str, PrivateKey]:
    """A new key for each role."""
    return {role: kind.generate() for role, kind in ROLES.items()}


def write_keys(settings: Settings, keys: Mapping[str, PrivateKey]) -> None:
    """Write the keys into their folder, which must not exist yet; nothing is overwritten."""
    with writing(settings.directory / "keys"):
        (settings.directory / "keys").mkdir(mode=0o700)
    for role, key in keys.items():
        write_new(settings.key_path(role), key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()))


@overload
def load_key(settings: Settings, role: Ed25519Role) -> Ed25519PrivateKey: ...
@overload
def load_key(settings: Settings, role: str) -> PrivateKey: ...
def load_key(settings: Settings, role: str) -> PrivateKey:
    """One private key. Raises NotFound, BadInput, or Forbidden if others can read the file."""
    path = settings.key_path(role)
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
        role: load_key(settings, role) for role in ("log", "log-mldsa", "mirror", "mirror-mldsa")})
    return NodeKeys(statements, channel, log, mirror)


def _signers(party: str, keys: Mapping[str, PrivateKey]
             ) -> tuple[tuple[NoteSigner, ...], tuple[NoteSigner, ...]]:
    """The note signers of log and mirror: Ed25519 first, then ML-DSA-44."""
    return ((NoteSigner(f"{party}/log", ED25519, keys["log"]),
             NoteSigner(f"{party}/log", ML_DSA_44, keys["log-mldsa"])),
            (NoteSigner(f"{party}/mirror", COSIGNATURE, keys["mirror"]),
             NoteSigner(f"{party}/mirror", ML_DSA_44, keys["mirror-mldsa"])))


def public_party(settings: Settings, keys: Mapping[str, PrivateKey]) -> Party:
    """The party as its private keys say it is; `keys` maps each role to its key."""
    log, mirror = _signers(settings.party, keys)
    return Party(settings.party, settings.base_url, PartyKeys(
        statements=keys["statements"].public_key().public_bytes_raw(),
        channel=keys["channel"].public_key().public_bytes_raw(),
        log=tuple(signer.verifier.encode_vkey() for signer in log),
        mirror=tuple(signer.verifier.encode_vkey() for signer in mirror)))


def load_public_party(settings: Settings) -> Party:
    """The party as the keys in its directory say it is."""
    return public_party(settings, {r: load_key(settings, r) for r in ROLES if r != "token"})
