"""A declaration that lost, as the refusal that its client gets on either side of the API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from luftrom.api.v1.documents import against_document
from luftrom.errors import Conflict
from luftrom.node.ruling import Outcome


class Refused(Conflict):
    """A declaration that lost; `lost_to` are the records in its way (409).

    Problems show all that /v1 tells of them, and what is free instead if `suggestions` are given.
    """

    code = "refused"

    def __init__(self, outcome: Outcome, suggestions: Sequence[dict[str, Any]] | None = None):
        against = [against_document(item) for item in outcome.against]
        detail: dict[str, Any] = {"against": against, "id": outcome.operational_intent.entity_id}
        if suggestions is not None:
            detail["suggestions"] = list(suggestions)
        sentences = " ".join(item["sentence"] for item in against)
        super().__init__(sentences or "the declaration was refused", detail=detail)
        self.lost_to = tuple(item.operational_intent for item in outcome.against)
