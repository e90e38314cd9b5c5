"""Messages between nodes over HTTP: one POST to the peer's `/exchange`, one bounded answer."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from urllib.parse import urlsplit

import aiohttp

from luftrom import limits
from luftrom.errors import Unavailable
from luftrom.exchange.message import CONTENT_TYPE
from luftrom.exchange.word import CONTENT_TYPE as ASK_CONTENT_TYPE
from luftrom.logs.head import HEAD_HEADER
from luftrom.tls import client_context, client_reason, is_refused_certificate

TIMEOUT_S = 20.0                           # of one message, from the name's look-up to the end
ALERT_S = 3.0                              # for a server to be told why it is refused
ALERT_AGAIN_S = 50.0                       # it is not told sooner again


def open_session(timeout_s: float, context: ssl.SSLContext | None = None) -> aiohttp.ClientSession:
    """An HTTP client that keeps its connections open; to be made and closed in a running loop.

    It takes no proxies, names or cookies from where it happens to run. Answers are read plainly: a
    server that compresses all the same gives what nobody here decompresses, so that no answer can
    grow while it is read. `context` is that of `client_context` by default.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=context or client_context(), limit=0),
        timeout=aiohttp.ClientTimeout(total=timeout_s), trust_env=False, auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(), headers={"Accept-Encoding": "identity"},
        skip_auto_headers=("User-Agent",))


async def read_bounded(answer: aiohttp.ClientResponse, bytes_max: int) -> bytes | None:
    """The body of an answer, or None if it is larger; then its connection is not used again."""
    parts, size = [], 0
    async for part in answer.content.iter_any():
        size += len(part)
        if size > bytes_max:
            answer.close()
            return None
        parts.append(part)
    return b"".join(parts)


async def tell_refusal(url: str, context: ssl.SSLContext) -> None:
    """Let a server know why its certificate is refused: the TLS alert (RFC 8446, section 6.2).

    An event loop hangs up when a certificate does not verify, and the alert stays unsent; whoever
    runs that server would never learn the reason. A blocking handshake sends it.
    """
    parts = urlsplit(url)

    def shake() -> None:
        with (contextlib.suppress(OSError),
              socket.create_connection((parts.hostname, parts.port or 443), ALERT_S) as plain):
            context.wrap_socket(plain, server_hostname=parts.hostname).close()

    await asyncio.to_thread(shake)


class HttpTransport:
    """A `Transport` that keeps its connections open; `close` lets them go.

    Redirects are not followed and proxies of the environment are not used: the agreement says
    where a peer is. `context` says which authorities its certificate may be from.
    """

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self._context = context or client_context()
        self._session: aiohttp.ClientSession | None = None
        self._told_s: dict[str, float] = {}   # when each server was told why it is refused

    async def post(self, base_url: str, body: bytes, signature: str
                   ) -> tuple[int, bytes, str | None]:
        """Status, body and signature header of the answer; Unavailable if there is none."""
        headers = {"Content-Type": CONTENT_TYPE, HEAD_HEADER: signature}
        status, said, signed = await self._send(
            "POST", base_url, "/exchange", body, headers, limits.EXCHANGE_BODY_BYTES_MAX)
        return status, said, signed

    async def ask(self, base_url: str, about: str, ask: bytes, bytes_max: int
                  ) -> tuple[int, bytes]:
        """Status and body of what a peer answers to a signed ask; Unavailable if it does not."""
        status, said, _ = await self._send("POST", base_url, f"/exchange/{about}", ask,
                                           {"Content-Type": ASK_CONTENT_TYPE}, bytes_max)
        return status, said

    async def fetch(self, base_url: str, path: str, bytes_max: int) -> tuple[int, bytes]:
        """Status and body of what a peer shows to everybody; Unavailable if there is none."""
        status, said, _ = await self._send("GET", base_url, path, None, {}, bytes_max)
        return status, said

    async def _send(self, method: str, base_url: str, path: str, body: bytes | None,
                    headers: dict[str, str], bytes_max: int) -> tuple[int, bytes, str | None]:
        if self._session is None:
            self._session = open_session(TIMEOUT_S, self._context)
        try:
            async with self._session.request(method, f"{base_url}{path}", data=body,
                                             headers=headers, allow_redirects=False) as answer:
                said = await read_bounded(answer, bytes_max)
                if said is None:
                    raise Unavailable(f"{base_url} answers more than {bytes_max} bytes")
                return answer.status, said, answer.headers.get(HEAD_HEADER)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            now_s = asyncio.get_running_loop().time()
            if (is_refused_certificate(error)
                    and now_s - self._told_s.get(base_url, -ALERT_AGAIN_S) >= ALERT_AGAIN_S):
                self._told_s[base_url] = now_s
                await tell_refusal(base_url, self._context)
            raise Unavailable(f"no answer from {base_url}: "
                              f"{client_reason(error, base_url)}") from None

    async def close(self) -> None:
        """Let go of open connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None
