"""Bearer tokens for tests, good ones and every kind of bad one."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

SCOPES = "luftrom.read luftrom.write utm.strategic_coordination"


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def mint(key: Any, *, header: dict | None = None, now_s: float | None = None, **claims: Any) -> str:
    """A JWT signed by an Ed25519, P-256 or RSA private key, or by bytes with HMAC."""
    now_s = int(time.time() if now_s is None else now_s)
    algorithm = {Ed25519PrivateKey: "Ed25519"}.get(type(key), "")
    if isinstance(key, rsa.RSAPrivateKey):
        algorithm = "RS256"
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        algorithm = "ES256"
    elif isinstance(key, bytes):
        algorithm = "HS256"
    elif isinstance(key, Ed25519PrivateKey):
        algorithm = "Ed25519"
    head = {"alg": algorithm, "typ": "JWT"} | (header or {})
    body = {"iss": "test", "aud": "node.example", "sub": "uss1", "scope": SCOPES,
            "iat": now_s, "exp": now_s + 600} | claims
    body = {name: value for name, value in body.items() if value is not None}
    signed = f"{b64(json.dumps(head).encode())}.{b64(json.dumps(body).encode())}"
    return f"{signed}.{b64(_sign(key, signed.encode()))}"


def _sign(key: Any, signed: bytes) -> bytes:
    if key is None:
        return b""
    if isinstance(key, bytes):
        mac = hmac.HMAC(key, hashes.SHA256())
        mac.update(signed)
        return mac.finalize()
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
    if isinstance(key, ec.EllipticCurvePrivateKey):
        r, s = decode_dss_signature(key.sign(signed, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return key.sign(signed)


def pem(key: Any) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.PEM,
                                         serialization.PublicFormat.SubjectPublicKeyInfo)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
