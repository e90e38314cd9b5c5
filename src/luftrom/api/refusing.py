"""The one place where a refusal becomes an answer: in the form of its path, with its headers.

RFC 9457 problem+json, or on the paths of F3548-21 its ErrorResponse, which is its
AirspaceConflictResponse where the refusal names the operational intents that are in the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from luftrom.api.f3548.documents import reference_document
from luftrom.api.http.call import Call, json_answer
from luftrom.api.http.problem import problem_answer
from luftrom.api.http.refusals import MethodNotAllowed, refusal_headers
from luftrom.api.http.route import family_of
from luftrom.api.refused import Refused
from luftrom.errors import LuftromError, NotFound
from luftrom.node.refusals import MissingKey
from luftrom.state.record import Record

CALL = "luftrom.call"                      # where a request's scope keeps its Call


async def refuse(request: Request, error: Exception) -> Response:
    """The answer to a refusal, or to a request that no route fits."""
    if isinstance(error, HTTPException):
        error = _not_routed(request, error)
    if not isinstance(error, LuftromError):
        raise error
    scope = request.scope
    if family_of(scope["path"].removeprefix(scope.get("root_path", ""))) == "f3548":
        return json_answer(error_response(error, scope.get(CALL)), error.status,
                           refusal_headers(error))
    return problem_answer(error)


def error_response(error: LuftromError, call: Call | None) -> dict[str, Any]:
    """F3548-21's ErrorResponse, with the code and the field beside the message.

    Of operational intents in the way, others' OVNs are left out, as the standard asks.
    """
    document: dict[str, Any] = {"message": str(error), "code": error.code}
    if error.field and not isinstance(error, MissingKey):
        document["field"] = error.field
    if call is not None and isinstance(error, MissingKey | Refused):
        document["missing_operational_intents"] = [
            reference_document(call.node, record, call.caller)
            for record in _in_the_way(error) if record.intent is not None]
    return document


def _in_the_way(error: MissingKey | Refused) -> Sequence[Record]:
    return error.missing if isinstance(error, MissingKey) else error.lost_to


def _not_routed(request: Request, error: HTTPException) -> LuftromError:
    """What Starlette's router could not place; Allow names the methods of all routes that fit."""
    if error.status_code != 405:
        return NotFound("there is nothing at this path; /docs lists what there is")
    allow = {method for route in request.app.routes
             if route.matches(request.scope)[0] is not Match.NONE for method in route.methods}
    return MethodNotAllowed(request.method, sorted(allow))
