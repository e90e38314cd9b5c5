"""What clients can ask of a node: each request with its operation, joined by the request's type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from luftrom.node.desk import Desk
from luftrom.node.operations import answers, constraints, notifications, operational_intents

OPERATIONS: dict[type, Callable[[Any, Desk], None]] = {
    **operational_intents.OPERATIONS, **constraints.OPERATIONS, **notifications.OPERATIONS,
    **answers.OPERATIONS}
