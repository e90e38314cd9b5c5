"""`/v1/status`, `/v1/conflicts`, `/v1/proofs`: what a node says of itself and the airspace."""

from __future__ import annotations

import base64

from starlette.responses import Response

from luftrom.api.http.call import Call, json_answer
from luftrom.api.http.route import Route
from luftrom.api.http.scopes import READERS
from luftrom.api.v1 import documents

# -- reading -------------------------------------------------------------------------------------

async def get_status(call: Call) -> Response:
    """What the node says of itself."""
    return json_answer(await call.node.apart(lambda: documents.status_document(call.node)))


async def list_conflicts(call: Call) -> Response:
    """All conflicts that stand, with horizon and method."""
    return json_answer(await call.node.apart(lambda: documents.conflicts_document(call.node)))


async def list_proofs(call: Call) -> Response:
    """Kept evidence of peers' misbehaviour; `document` is base64."""
    return json_answer({"proofs": [
        {"party": party, "kind": kind, "document": base64.b64encode(document).decode()}
        for party, kind, document in call.node.proofs()]})


ROUTES = (
    Route("GET", "/v1/status", get_status, "What the node says of itself", "REST", READERS,
          responses=((200, "Status"),)),
    Route("GET", "/v1/conflicts", list_conflicts, "Conflicts that stand, with horizon and method",
          "REST", READERS, responses=((200, "Conflicts"),)),
    Route("GET", "/v1/proofs", list_proofs, "Kept evidence of misbehaviour", "REST", READERS,
          responses=((200, "Proofs"),)),
)
