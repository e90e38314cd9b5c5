"""Every refusal Luftrom can give, each with a stable code, an HTTP status and a reason to act on.

One base class explains itself: edges turn it into RFC 9457 problem+json, the F3548 `ErrorResponse`
or a line on the terminal, and never need to know which subclass they hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class LuftromError(Exception):
    """A refusal with its reason.

    `code` names the kind of refusal for programs and never changes meaning; `field` is the path of
    the value at fault (`extents[0].volume.altitude_lower.value`) or None; `detail` carries
    machine-readable facts (limits, sizes, references) that the edges may show.
    """

    code = "error"
    status = 500

    def __init__(self, message: str, *, code: str | None = None, field: str | None = None,
                 status: int | None = None, detail: Mapping[str, Any] | None = None):
        super().__init__(message)
        self.message = message
        self.field = field
        self.detail = dict(detail or {})
        if code is not None:
            self.code = code
        if status is not None:
            self.status = status

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class BadInput(LuftromError):
    """The input is not what its format says (400)."""

    code, status = "bad_input", 400


class NotAuthenticated(LuftromError):
    """No token, or one that does not verify (401)."""

    code, status = "not_authenticated", 401


class Forbidden(LuftromError):
    """The caller is known but may not do this (403)."""

    code, status = "forbidden", 403


class NotFound(LuftromError):
    """There is nothing by that name here (404)."""

    code, status = "not_found", 404


class Conflict(LuftromError):
    """The request contradicts the present state (409)."""

    code, status = "conflict", 409


class TooLarge(LuftromError):
    """A size limit of `limits` is exceeded (413)."""

    code, status = "too_large", 413


class NotBuilt(LuftromError):
    """The standard has this operation and Luftrom does not have it yet (501)."""

    code, status = "not_built", 501


class Unavailable(LuftromError):
    """The node cannot do this now, and the request may be repeated (503)."""

    code, status = "unavailable", 503


class NotAcknowledged(Unavailable):
    """A peer was silent and the agreement says `hold`: nothing was accepted (503)."""

    code = "not_acknowledged"


class Unverified(LuftromError):
    """Bytes of a peer or of a log that do not prove themselves (422); not kept as true."""

    code, status = "unverified", 422


class Equivocation(Unverified):
    """Two signed statements of one party that cannot both be true; `detail['proof']` holds both."""

    code = "equivocation"
