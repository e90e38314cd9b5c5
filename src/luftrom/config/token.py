"""Bearer tokens for clients of a node, signed with its own `token` key."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from luftrom.base64url import encode_base64url
from luftrom.clock import NS_PER_S
from luftrom.config.keycard import encode_payload
from luftrom.config.keys import load_key
from luftrom.config.settings import Settings
from luftrom.errors import BadInput
from luftrom.limits import NAME_CHARS_MAX


def mint_token(settings: Settings, manager: str, scopes: Sequence[str], valid_s: float,
               now_ns: int) -> str:
    """A bearer token for a client of the own node: a JWT signed with the `token` key.

    `manager` becomes the claim `sub`. Raises BadInput for names that no token can carry.
    """
    if not manager or len(manager) > NAME_CHARS_MAX or not manager.isprintable():
        raise BadInput(f"must be 1 to {NAME_CHARS_MAX} printable characters", field="manager")
    for scope in scopes:
        if not re.fullmatch(r"[\x21\x23-\x5b\x5d-\x7e]+", scope):
            raise BadInput(f"{scope!r} is not a scope (RFC 6749, section 3.3)", field="scope")
    header = {"alg": "Ed25519", "kid": f"{settings.party}#token", "typ": "JWT"}
    now_s = now_ns // NS_PER_S
    claims = {"iss": settings.token_issuer, "sub": manager, "aud": settings.audience,
              "scope": " ".join(scopes), "iat": now_s, "exp": now_s + int(valid_s),
              "jti": encode_base64url(os.urandom(12))}
    signed = ".".join(encode_base64url(encode_payload(part)) for part in (header, claims))
    signature = load_key(settings, "token").sign(signed.encode())
    return f"{signed}.{encode_base64url(signature)}"
