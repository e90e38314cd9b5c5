"""`/v1/agreement`: the terms in force, and how much of each bound each party uses."""

from __future__ import annotations

from starlette.responses import Response

from luftrom.api.http.call import Call, json_answer
from luftrom.api.http.route import Route
from luftrom.api.http.scopes import READERS
from luftrom.api.v1 import documents
from luftrom.errors import NotFound


async def get_agreement(call: Call) -> Response:
    """The agreement in force; NotFound where there is none."""
    await call.node.settled()
    agreement = call.node.agreement
    if agreement is None:
        raise NotFound("there is no agreement: nothing is bounded here")
    return json_answer({"agreement": documents.agreement_document(agreement),
                        "usage": documents.usage_document(call.node)})


ROUTES = (
    Route("GET", "/v1/agreement", get_agreement, "The terms in force, and the use of each bound",
          "REST", READERS, responses=((200, "AgreementInForce"),), errors=(404,)),
)
