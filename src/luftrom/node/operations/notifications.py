"""Notifications: what a peer USS tells of changed details, kept closed in the own log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from luftrom.node.desk import Desk
from luftrom.node.step import Reply
from luftrom.statements.kinds.notification import KIND as NOTIFICATION
from luftrom.statements.kinds.notification import Notification


@dataclass(frozen=True, slots=True)
class Notify:
    """Record an F3548 notification that a manager sent us, closed to everybody else."""

    manager: str
    document: Mapping[str, Any]
    reply: Reply[None]


def notify(asked: Notify, desk: Desk) -> None:
    """Append the notification."""
    desk.append(NOTIFICATION.name, None, Notification(asked.manager, asked.document))
    desk.then(asked.reply, lambda: None)


OPERATIONS: Mapping[type, Callable[[Any, Desk], None]] = {Notify: notify}
