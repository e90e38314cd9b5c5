"""The kinds of statements, one a file, and the table of all of them by their signed name."""

from __future__ import annotations

from typing import Any

from luftrom.statements.kind import Kind
from luftrom.statements.kinds import (
    agreement,
    constraint,
    constraint_withdrawal,
    declaration,
    forked,
    lost,
    notification,
    passed_over,
    restored,
    ruling,
    withdrawal,
)

KINDS: dict[str, Kind[Any, Any]] = {module.KIND.name: module.KIND for module in (
    agreement, declaration, withdrawal, constraint, constraint_withdrawal, ruling, passed_over,
    notification, restored, lost, forked)}
