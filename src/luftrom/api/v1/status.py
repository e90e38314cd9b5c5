"""`/v1/status`, `/v1/conflicts`, `/v1/proofs`: what a node says of itself and the airspace."""

from __future__ import annotations

import base64
from typing import Any

from starlette.responses import Response

from luftrom import limits
from luftrom.api.http.call import Call, json_answer
from luftrom.api.http.route import Route
from luftrom.api.http.scopes import READERS
from luftrom.api.v1 import documents

_CONFLICTS = "/v1/conflicts"

# -- reading -------------------------------------------------------------------------------------

async def get_status(call: Call) -> Response:
    """What the node says of itself."""
    return json_answer(await call.node.apart(lambda: documents.status_document(call.node)))


async def list_conflicts(call: Call) -> Response:
    """Conflicts that stand, in pages, with horizon and method."""
    given = call.query.get("after")
    limit = max(1, call.integer("limit", limits.PAGE_ITEMS_MAX, limits.PAGE_ITEMS_MAX))

    def read() -> dict[str, Any]:
        after = None if given is None else documents.parse_place(given, call.node.airspace)
        return documents.conflicts_document(call.node, after, limit,
                                            call.doors.base_path + _CONFLICTS)

    return json_answer(await call.node.apart(read))


async def list_proofs(call: Call) -> Response:
    """Kept evidence of peers' misbehaviour; `document` is base64."""
    return json_answer({"proofs": [
        {"party": party, "kind": kind, "document": base64.b64encode(document).decode()}
        for party, kind, document in call.node.proofs()]})


ROUTES = (
    Route("GET", "/v1/status", get_status, "What the node says of itself", "REST", READERS,
          responses=((200, "Status"),)),
    Route("GET", _CONFLICTS, list_conflicts, "Conflicts that stand, with horizon and method: pages",
          "REST", READERS, responses=((200, "Conflicts"),), parameters=("after_place", "limit")),
    Route("GET", "/v1/proofs", list_proofs, "Kept evidence of misbehaviour", "REST", READERS,
          responses=((200, "Proofs"),)),
)
