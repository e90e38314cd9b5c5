"""The agreement in the own log: the first statement under one says so."""

from __future__ import annotations

from luftrom.node.desk import Desk
from luftrom.statements.kinds.agreement import KIND as AGREEMENT


def open_log(desk: Desk) -> None:
    """Say that there is an agreement, before anything else that rests on it."""
    if desk.agreement and desk.party not in desk.state.progress.last_seen:
        desk.append(AGREEMENT.name, None)
