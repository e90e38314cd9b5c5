"""Parties, keys and agreements for tests, from a seed: the same name always has the same keys."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from luftrom.agreement.bounds import default_bounds
from luftrom.agreement.party import Party, PartyKeys
from luftrom.agreement.terms import (
    Agreement,
    PriorityLevel,
    encode_agreement,
    parse_agreement,
    silence,
)
from luftrom.clock import NS_PER_S, parse_time
from luftrom.config.keys import NodeKeys
from luftrom.geometry.volume import Polygon, Separation
from luftrom.transparency.note import COSIGNATURE, ED25519, ML_DSA_44, NoteSigner

NOON_NS = parse_time("2026-06-01T12:00:00Z")
SEPARATION = Separation(100.0, 50.0, 0.0)


def seed(name: str, role: str) -> bytes:
    return hashlib.sha256(f"{name} {role}".encode()).digest()


def ed25519(name: str, role: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(seed(name, role))


def make_keys(name: str, post_quantum: bool = True) -> NodeKeys:
    """A party's keys; without ML-DSA-44 where thousands of checkpoints are signed."""
    log = [NoteSigner(f"{name}/log", ED25519, ed25519(name, "log"))]
    mirror = [NoteSigner(f"{name}/mirror", COSIGNATURE, ed25519(name, "mirror"))]
    if post_quantum:
        for role, signers in (("log", log), ("mirror", mirror)):
            key = MLDSA44PrivateKey.from_seed_bytes(seed(name, f"{role}-mldsa"))
            signers.append(NoteSigner(f"{name}/{role}", ML_DSA_44, key))
    return NodeKeys(ed25519(name, "statements"), ed25519(name, "channel"), tuple(log),
                    tuple(mirror))


def make_party(name: str, keys: NodeKeys, base_url: str = "http://127.0.0.1:1") -> Party:
    return Party(name, base_url, PartyKeys(
        statements=keys.statements.public_key().public_bytes_raw(),
        channel=keys.channel.public_key().public_bytes_raw(),
        log=tuple(s.verifier.encode_vkey() for s in keys.log),
        mirror=tuple(s.verifier.encode_vkey() for s in keys.mirror)))


def make_agreement(parties: tuple[Party, ...], *, mode: str = "hold", after_s: float = 5.0,
                   separation: Separation = SEPARATION,
                   levels: dict[int, bool | PriorityLevel] | None = None,
                   area: Polygon | None = None, **bounds: Any) -> Agreement:
    """An agreement over the whole Earth, or an area; conflicts are permitted at priority 10.

    A level is whether it permits them, or more; `bounds` are those that are not the default.
    """
    waits = silence(mode, after_s)
    lower, upper = bounds.pop("band", (-500.0, 20_000.0))
    named = {priority: level if isinstance(level, PriorityLevel) else PriorityLevel(level)
             for priority, level in
             ({0: False, 10: True, 20: False} if levels is None else levels).items()}
    terms = Agreement(
        name="Test skies", version=1, parties=parties, area=area, altitude_m_w84_lower=lower,
        altitude_m_w84_upper=upper, separation=separation, priority_levels=named,
        undeclared_priority_permits=True, silence=waits, sealed=True,
        bounds=default_bounds(waits.waits_s, upper - lower, **bounds), digest="")
    document = encode_agreement(terms)
    digest = hashlib.sha256(repr(document).encode()).hexdigest()
    return parse_agreement(document, digest)


@dataclass
class FakeClock:
    """A clock that tests turn; the wall clock may jump, the other never goes back."""

    now: int = NOON_NS
    elapsed: int = 0

    def now_ns(self) -> int:
        return self.now

    def elapsed_ns(self) -> int:
        return self.elapsed

    def advance(self, seconds: float) -> None:
        self.now += int(seconds * NS_PER_S)
        self.elapsed += int(seconds * NS_PER_S)
