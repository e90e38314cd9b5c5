"""What a route is, and how a path finds its own.

Templates are OpenAPI's: `{name}` stands for one segment, `{name*}` for all that follow.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from luftrom.api.http.call import Answer, Call
from luftrom.errors import LuftromError, NotFound

Handler = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Route:
    """One operation. Without a handler it is not built: 501. Without scopes it is open.

    `responses` pairs each status of success with a schema name, or to a content type, or to None
    for no body; what every operation may answer besides is added where the document is made.
    `family` says in which form refusals are given: `f3548` or `problem`.
    """

    method: str
    path: str
    handler: Handler | None
    summary: str
    tag: str
    scopes: tuple[str, ...] = ()
    request: str | None = None
    responses: tuple[tuple[int, str | None], ...] = ((200, "Any"),)
    parameters: tuple[str, ...] = ()
    errors: tuple[int, ...] = ()
    family: str = "problem"
    operation: str = ""

    @property
    def name(self) -> str:
        """The operation: the name of its handler, or the one given where there is none."""
        return self.operation or (self.handler.__name__ if self.handler else "")


class Router:
    """Paths to routes. Literal templates win over those with parameters, by their order."""

    def __init__(self, routes: Sequence[Route]):
        self._exact: dict[str, dict[str, Route]] = {}
        self._patterns: dict[str, dict[str, tuple[re.Pattern[str], dict[str, Route]]]] = {}
        for route in routes:
            if "{" not in route.path:
                methods = self._exact.setdefault(route.path, {})
            else:
                bucket = self._patterns.setdefault(_first(route.path), {})
                methods = bucket.setdefault(route.path, (_compile(route.path), {}))[1]
            if route.method in methods:
                raise ValueError(f"{route.method} {route.path} is there twice")
            methods[route.method] = route

    def find(self, method: str, path: str) -> tuple[Route, Mapping[str, str]]:
        """The route and its path parameters. Raises NotFound or 405 with what is allowed."""
        wanted = "GET" if method == "HEAD" else method
        allowed: set[str] = set()
        methods = self._exact.get(path)
        if methods is not None:
            if wanted in methods:
                return methods[wanted], {}
            allowed.update(methods)
        for pattern, methods in self._patterns.get(_first(path), {}).values():
            match = pattern.fullmatch(path)
            if match is None:
                continue
            if wanted in methods:
                return methods[wanted], match.groupdict()
            allowed.update(methods)
        if not allowed:
            raise NotFound("there is nothing at this path; /docs lists what there is")
        if "GET" in allowed:
            allowed.add("HEAD")
        raise LuftromError(f"{method[:20]} is not for this path", code="method_not_allowed",
                           status=405, detail={"headers": {"allow": ", ".join(sorted(allowed))}})


def _first(path: str) -> str:
    """The first segment: what a template and the paths it fits have in common."""
    return path.partition("{")[0].removeprefix("/").partition("/")[0]


def _compile(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+\*?)\}", template)
    pattern = "".join(
        re.escape(part) if i % 2 == 0
        else f"(?P<{part[:-1]}>.+)" if part.endswith("*") else f"(?P<{part}>[^/]+)"
        for i, part in enumerate(parts))
    return re.compile(pattern)
