"""`notification`: a word of a peer USS on changed details, kept for the own archive alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from luftrom.statements.kind import NOBODY, Audience, Cost, Kind, encode_nothing, read_nothing
from luftrom.statements.statement import Statement


@dataclass(frozen=True, slots=True)
class Notification:
    """What a manager sent, as it was sent."""

    manager: str
    document: Mapping[str, Any]


def disclose(content: Notification) -> Sequence[Any]:
    """The value of the one claim that it commits to."""
    return [{"manager": content.manager, "notification": dict(content.document)}]


def audience(statement: Statement[None]) -> Audience:
    """Closed: it is between that manager and this party."""
    return NOBODY


KIND: Kind[None, Notification] = Kind(
    "notification", (), read_nothing, encode_nothing, ("notification",), disclose=disclose,
    audience=audience,
    cost=Cost(disclosures_max=1))
