"""A node as its clients see it: paths in, JSON documents out, and one clear line when it fails.

The standard library's HTTP client does what a command needs (one connection, one request at a
time) and is imported faster than any other (docs/decisions/http-client.md).
"""

from __future__ import annotations

import http.client
import json
import select
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from typing import Any, cast
from urllib.parse import urlsplit

from luftrom import limits
from luftrom.config.settings import Settings
from luftrom.errors import BadInput, LuftromError, NotAuthenticated, Unavailable
from luftrom.tls import client_context, client_reason, own_context

TIMEOUT_S = 90.0                           # a declaration may wait for a silent peer
CONNECT_S = 5.0


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Message
    body: bytes


class NodeClient:
    """One node's REST API. `hint` says what to do if nobody answers.

    `context` says whom to trust where the URL begins with https: `client_context()` by default.
    Redirects are not followed and proxies of the environment are not used.
    """

    def __init__(self, base_url: str, token: str | None, hint: str = "",
                 timeout_s: float = TIMEOUT_S, context: ssl.SSLContext | None = None):
        self.base_url = base_url.rstrip("/")
        self._hint = hint
        self._timeout_s = timeout_s
        self._headers = {"Accept-Encoding": "identity", "Accept": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        try:
            parts = urlsplit(self.base_url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError("it must begin with http:// or https:// and a host")
            host, port = parts.hostname, parts.port
            self._path = parts.path.encode("ascii").decode()
        except ValueError as error:
            raise LuftromError(f"{base_url} is no URL: {error}", status=400) from None
        self._connection = (
            http.client.HTTPSConnection(host, port, timeout=min(CONNECT_S, timeout_s),
                                        context=context or client_context())
            if parts.scheme == "https"
            else http.client.HTTPConnection(host, port, timeout=min(CONNECT_S, timeout_s)))

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    def get(self, path: str) -> Any:
        """The JSON document at a path. Raises LuftromError, Unavailable if nobody answers."""
        return self.request("GET", path)[1]

    def request(self, method: str, path: str, document: Any = None, *,
                headers: Mapping[str, str] | None = None,
                expected: tuple[int, ...] = ()) -> tuple[int, Any]:
        """Status and JSON answer; a status of 400 or more is raised unless it is `expected`."""
        answer = self._ask(method, path, document, headers)
        try:
            value = json.loads(answer.body) if answer.body else None
        except ValueError:
            value = None
        if answer.status >= 400 and answer.status not in expected:
            raise self._refusal(answer.status, value)
        if value is None and answer.body:
            raise Unavailable(f"{self.base_url} does not answer as a node of Luftrom does")
        return answer.status, value

    def fetch(self, path: str, bytes_max: int = 1 << 20) -> tuple[int, bytes]:
        """Status and body of a public file; Unavailable if nobody answers, or too much."""
        answer = self._ask("GET", path, None, None, bytes_max)
        return answer.status, answer.body

    def pages(self, path: str, member: str) -> list[Any]:
        """All items of a list that comes in pages."""
        items: list[Any] = []
        following: str | None = path
        while following:
            page = self.get(following)
            items += page[member]
            following = page.get("next") if page.get("next") != following else None
        return items

    def clock_offset_s(self) -> float:
        """How far the node's clock is ahead of ours, to the second, by its Date header."""
        from email.utils import parsedate_to_datetime

        before_s = time.time()
        answer = self._ask("GET", "/healthz", None, None)
        middle_s = (before_s + time.time()) / 2
        try:
            there_s = parsedate_to_datetime(answer.headers["Date"]).timestamp() + 0.5
        except (KeyError, ValueError, TypeError):
            raise Unavailable(f"{self.base_url} does not tell its time") from None
        return there_s - middle_s

    def _ask(self, method: str, path: str, document: Any, headers: Mapping[str, str] | None,
             bytes_max: int = limits.ANSWER_BYTES_MAX) -> _Answer:
        body = None
        sent = {**self._headers, **(headers or {})}
        if document is not None:
            body = json.dumps(document, separators=(",", ":")).encode()
            sent.setdefault("Content-Type", "application/json")
        with self._told():
            self._connect()
            self._connection.request(method, self._target(path), body, sent)
            answer = self._connection.getresponse()
            data = answer.read(bytes_max + 1)
            if len(data) > bytes_max:
                self._connection.close()
                raise Unavailable(f"{self.base_url}{path} is larger than {bytes_max} bytes")
            return _Answer(answer.status, answer.headers, data)

    def _target(self, path: str) -> str:
        """A path below the base URL's; links of a node name that one themselves."""
        named = self._path and path.startswith(f"{self._path}/")
        return path if named else self._path + path

    def _connect(self) -> None:
        """An open connection: the one there is, unless the node has closed it meanwhile."""
        known = self._connection.sock
        if known is not None and select.select([known], [], [], 0)[0]:
            self._connection.close()
        if self._connection.sock is None:
            self._connection.connect()
            cast(socket.socket, self._connection.sock).settimeout(self._timeout_s)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Whatever keeps an answer from coming, as the one line that is Unavailable."""
        try:
            yield
        except http.client.InvalidURL as error:
            raise BadInput(f"{self.base_url} is asked for no path: {error}") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._connection.close()
            raise Unavailable(self._no_answer(client_reason(error, self.base_url))) from None

    def _no_answer(self, reason: str) -> str:
        return f"no answer from {self.base_url}: {reason}" + (f"; {self._hint}" * bool(self._hint))

    def _refusal(self, status: int, value: Any) -> LuftromError:
        problem = value if isinstance(value, dict) else {}
        reason = str(problem.get("detail") or problem.get("message") or problem.get("title")
                     or f"{self.base_url} answers with status {status}")
        if status == 401:
            return NotAuthenticated(f"{self.base_url} does not take the token: {reason}")
        return LuftromError(reason, status=status, code=str(problem.get("code", "error")),
                            detail=problem)


def local_url(settings: Settings) -> str:
    """Where the node of a directory listens, as reached from this machine."""
    scheme = "https" if settings.certificate else "http"
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    return f"{scheme}://" + (f"[{host}]" if ":" in host else host) + f":{settings.port}"


def local_client(settings: Settings, token: str | None, hint: str = "") -> NodeClient:
    """A client of the node of a directory, which shows that directory's certificate."""
    context = own_context(settings.certificate) if settings.certificate else None
    return NodeClient(local_url(settings), token, hint, context=context)
