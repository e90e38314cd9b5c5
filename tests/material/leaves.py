"""Leaves with whatever claims a test likes: what the node itself never signs unread."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from luftrom import limits
from luftrom.errors import TooLarge

ORDER = ("iss", "type", "index", "iat", "agreement", "seen", "rulings", "of", "entity", "held",
         "leaves", "reason")
RULING = ("index", "accepted", "unacknowledged", "against")
TYP = "vnd.luftrom.statement.v1+sd-jwt"


def b64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def dump(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


class LeafSigner:
    """Signs in the name of one party, in the order of claims of the format, and checks nothing."""

    def __init__(self, party: str, key: Ed25519PrivateKey):
        self.party, self.key = party, key

    def sign(self, claims: Mapping[str, Any], disclosures: Sequence[bytes]) -> bytes:
        """The leaf that says `claims`, with the roots in `seen` as bytes."""
        whole: dict[str, Any] = {"iss": self.party, **claims}
        if "seen" in whole:
            whole["seen"] = {name: {"size": seen["size"], "root": b64(seen["root"]).decode()}
                             for name, seen in whole["seen"].items()}
        if "entity" in whole:
            whole["entity"] = {name: whole["entity"][name] for name in ("id", "version")}
        if "rulings" in whole:
            whole["rulings"] = [{name: ruling[name] for name in RULING} for ruling in
                                whole["rulings"]]
        if disclosures:
            whole["_sd"] = sorted(b64(hashlib.sha256(item).digest()).decode()
                                  for item in disclosures)
            whole["_sd_alg"] = "sha-256"
        whole = {name: whole.pop(name) for name in ORDER if name in whole} | whole
        head = {"alg": "Ed25519", "kid": f"{self.party}#statements", "typ": TYP}
        signed = b64(dump(head)) + b"." + b64(dump(whole))
        leaf = signed + b"." + b64(self.key.sign(signed))
        if len(leaf) > limits.LEAF_BYTES_MAX:
            raise TooLarge(f"the statement has {len(leaf)} bytes; at most "
                           f"{limits.LEAF_BYTES_MAX} fit into a leaf")
        return leaf
