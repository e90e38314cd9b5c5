"""Messages between nodes over HTTP: one POST to the peer's `/exchange`, one bounded answer."""

from __future__ import annotations

import httpx

from luftrom import limits
from luftrom.errors import Unavailable
from luftrom.exchange.message import CONTENT_TYPE
from luftrom.exchange.signature import SIGNATURE_HEADER

TIMEOUT_S = 20.0


class HttpTransport:
    """A `Transport` that keeps its connections open; `close` lets them go.

    Redirects are not followed and proxies of the environment are not used: the agreement says
    where a peer is. A peer that asks for compressed transfer is answered plainly, so that no
    answer can grow while it is read.
    """

    def __init__(self) -> None:
        self._client = httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False,
                                         headers={"Accept-Encoding": "identity"})

    async def post(self, base_url: str, body: bytes, signature: str
                   ) -> tuple[int, bytes, str | None]:
        """Status, body and signature header of the answer; Unavailable if there is none."""
        headers = {"Content-Type": CONTENT_TYPE, SIGNATURE_HEADER: signature}
        try:
            async with self._client.stream("POST", f"{base_url}/exchange", content=body,
                                           headers=headers) as answer:
                parts, size = [], 0
                async for part in answer.aiter_raw():
                    size += len(part)
                    if size > limits.EXCHANGE_BODY_BYTES_MAX:
                        raise Unavailable(f"{base_url} answers more than "
                                          f"{limits.EXCHANGE_BODY_BYTES_MAX} bytes")
                    parts.append(part)
                return answer.status_code, b"".join(parts), answer.headers.get(SIGNATURE_HEADER)
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise Unavailable(f"no answer from {base_url}: {reason}") from None

    async def close(self) -> None:
        """Let go of open connections."""
        await self._client.aclose()
