"""Refusals that HTTP has words for: what goes into a header of the answer is a field here."""

from __future__ import annotations

from collections.abc import Sequence

from luftrom.errors import Forbidden, LuftromError

RETRY_AFTER_S = 1


class MethodNotAllowed(LuftromError):
    """The path has no such method; `allow` names those it has (405)."""

    code, status = "method_not_allowed", 405

    def __init__(self, method: str, allow: Sequence[str]):
        super().__init__(f"{method[:20]} is not for this path")
        self.allow = tuple(sorted(allow))


class Unsupported(LuftromError):
    """A content type that is not read here (415)."""

    code, status = "unsupported", 415


class UnsupportedEncoding(Unsupported):
    """A content encoding that is not read here; `accept_encoding` names those that are (415)."""

    code = "unsupported_encoding"

    def __init__(self, accept_encoding: Sequence[str]):
        super().__init__(f"the Content-Encoding must be {' or '.join(accept_encoding)}")
        self.accept_encoding = tuple(accept_encoding)


class InsufficientScope(Forbidden):
    """The token has none of the scopes that are needed (403)."""

    code = "insufficient_scope"

    def __init__(self, scopes: Sequence[str]):
        super().__init__(f"the token has none of the scopes {', '.join(scopes)}",
                         detail={"scopes": list(scopes)})
        self.scopes = tuple(scopes)


def refusal_headers(error: LuftromError) -> dict[str, str]:
    """Headers that go with a refusal: how to authenticate, what is allowed, when to come back."""
    if isinstance(error, MethodNotAllowed):
        return {"allow": ", ".join(error.allow)}
    if isinstance(error, UnsupportedEncoding):
        return {"accept-encoding": ", ".join(error.accept_encoding)}
    if isinstance(error, InsufficientScope):
        return {"www-authenticate": 'Bearer realm="luftrom", error="insufficient_scope", '
                                    f'scope="{" ".join(error.scopes)}"'}
    if error.status == 401:
        challenge = 'Bearer realm="luftrom"'
        if error.code != "no_token":
            challenge += f', error="invalid_token", error_description="{_quotable(error.message)}"'
        return {"www-authenticate": challenge}
    if error.status == 503:
        return {"retry-after": str(RETRY_AFTER_S)}
    if error.status == 413:
        return {"connection": "close"}     # what still comes will not be read
    return {}


def _quotable(text: str) -> str:
    return "".join(c for c in text if 32 <= ord(c) < 127 and c not in '"\\')
