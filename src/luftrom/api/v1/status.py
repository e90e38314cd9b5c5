"""`/v1/status`, `/v1/conflicts`, `/v1/proofs`: what a node says of itself and the airspace."""

from __future__ import annotations

import base64

from luftrom.api.http.call import Answer, Call, json_answer
from luftrom.api.v1 import documents

# -- reading -------------------------------------------------------------------------------------

async def get_status(call: Call) -> Answer:
    """What the node says of itself."""
    await call.node.settled()
    return json_answer(documents.status_document(call.node))


async def list_conflicts(call: Call) -> Answer:
    """All conflicts that stand, with horizon and method."""
    await call.node.settled()
    return json_answer(documents.conflicts_document(call.node))


async def list_proofs(call: Call) -> Answer:
    """Kept evidence of peers' misbehaviour; `document` is base64."""
    return json_answer({"proofs": [
        {"party": party, "kind": kind, "document": base64.b64encode(document).decode()}
        for party, kind, document in call.node.proofs()]})
