"""What a route is: one row of the table that dispatch, OpenAPI, scopes and metrics come from.

Paths are Starlette's templates: `{name}` stands for one segment, `{name:path}` for all that
follow.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from starlette.responses import Response

from luftrom.api.http.call import Call

Handler = Callable[[Call], Awaitable[Response]]
Family = Literal["problem", "f3548"]
_F3548_PREFIXES = ("/dss/", "/uss/")
_CONVERTOR = re.compile(r"\{(\w+):\w+\}")


@dataclass(frozen=True, slots=True)
class Route:
    """One operation. Without a handler it is not built: 501. Without scopes it is open.

    `responses` pairs each status of success with a schema name, or to a content type, or to None
    for no body; what every operation may answer besides is added where the document is made.
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
    operation: str = ""

    @property
    def name(self) -> str:
        """The operation: the name of its handler, or the one given where there is none."""
        return self.operation or getattr(self.handler, "__name__", "")

    @property
    def shown_path(self) -> str:
        """The path as OpenAPI and people write it, without Starlette's convertors."""
        return _CONVERTOR.sub(r"{\1}", self.path)

    @property
    def family(self) -> Family:
        """In which form it refuses."""
        return family_of(self.path)


def family_of(path: str) -> Family:
    """The form of refusals below a path: the standard's on its paths, else problem+json."""
    return "f3548" if path.startswith(_F3548_PREFIXES) else "problem"
