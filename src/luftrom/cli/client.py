"""A node as its clients see it: paths in, JSON documents out, and one clear line when it fails."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import httpx

from luftrom.config.settings import Settings
from luftrom.errors import LuftromError, NotAuthenticated, Unavailable

TIMEOUT_S = 90.0                           # a declaration may wait for a silent peer
CONNECT_S = 5.0


class NodeClient:
    """One node's REST API. `hint` says what to do if nobody answers."""

    def __init__(self, base_url: str, token: str | None, hint: str = "",
                 timeout_s: float = TIMEOUT_S):
        self.base_url = base_url.rstrip("/")
        self._hint = hint
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            self._client = httpx.Client(
                base_url=self.base_url, headers=headers, trust_env=False,
                timeout=httpx.Timeout(timeout_s, connect=CONNECT_S))
        except (httpx.InvalidURL, ValueError) as error:
            raise LuftromError(f"{base_url} is no URL: {error}", status=400) from None

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def get(self, path: str) -> Any:
        """The JSON document at a path. Raises LuftromError, Unavailable if nobody answers."""
        return self.request("GET", path)[1]

    def request(self, method: str, path: str, document: Any = None, *,
                headers: Mapping[str, str] | None = None,
                expected: tuple[int, ...] = ()) -> tuple[int, Any]:
        """Status and JSON answer; a status of 400 or more is raised unless it is `expected`."""
        answer = self._ask(method, path, document, headers)
        try:
            value = answer.json() if answer.content else None
        except ValueError:
            value = None
        if answer.status_code >= 400 and answer.status_code not in expected:
            raise self._refusal(answer.status_code, value)
        if value is None and answer.content:
            raise Unavailable(f"{self.base_url} does not answer as a node of Luftrom does")
        return answer.status_code, value

    def fetch(self, path: str, bytes_max: int = 1 << 20) -> tuple[int, bytes]:
        """Status and body of a public file; Unavailable if nobody answers, or too much."""
        parts, size = [], 0
        try:
            with self._client.stream("GET", path,
                                     headers={"Accept-Encoding": "identity"}) as answer:
                for part in answer.iter_raw():
                    size += len(part)
                    if size > bytes_max:
                        raise Unavailable(f"{self.base_url}{path} is larger than {bytes_max} bytes")
                    parts.append(part)
                return answer.status_code, b"".join(parts)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unavailable(self._no_answer(_reason(error))) from None

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

    def _ask(self, method: str, path: str, document: Any,
             headers: Mapping[str, str] | None) -> httpx.Response:
        try:
            return self._client.request(method, path, json=document, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unavailable(self._no_answer(_reason(error))) from None

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
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def _reason(error: Exception) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "it took too long"
    text = str(error) or type(error).__name__
    return "nobody listens there" if "Connection refused" in text else text
