"""Headers that a request may have once, of two it would be chance which one counts; what it takes.
"""

from __future__ import annotations

from collections.abc import Iterable

from luftrom.errors import BadInput

ONCE = frozenset((b"authorization", b"content-encoding", b"content-type", b"idempotency-key",
                  b"if-match", b"last-event-id", b"luftrom-signature"))


def check_headers(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """BadInput if one of ONCE is there twice; `headers` are those of an ASGI scope."""
    seen = set()
    for name, _ in headers:
        if name in ONCE:
            if name in seen:
                raise BadInput("is there twice", field=name.decode().title())
            seen.add(name)


def takes_gzip(accept_encoding: str) -> bool:
    """Does an Accept-Encoding ask for gzip, by name or by `*` (RFC 9110, section 12.5.3)?

    Without the header a client takes anything and asks for nothing: it gets what it always got.
    """
    weights = {}
    for item in accept_encoding.lower().split(","):
        coding, _, weight = item.partition(";")
        name, _, value = weight.replace(" ", "").partition("=")
        weights[coding.strip()] = value.strip("0.") != "" if name == "q" else True
    asked = [weights[name] for name in ("gzip", "x-gzip") if name in weights]
    return any(asked) if asked else weights.get("*", False)
