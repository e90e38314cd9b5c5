"""Headers that a request may have once: of two it would be chance which one counts."""

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
