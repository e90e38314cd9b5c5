"""Answers that are kept: a request with an idempotency key is done once and answered again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from luftrom.node.desk import Desk
from luftrom.node.step import Reply


@dataclass(frozen=True, slots=True)
class Remember:
    """Keep the answer to a request that bore an idempotency key."""

    key: str
    digest: bytes
    answer: bytes
    reply: Reply[None]


def remember(asked: Remember, desk: Desk) -> None:
    """Put the answer into the step's transaction."""
    desk.keep_answer(asked.key, asked.digest, asked.answer)
    desk.then(asked.reply, lambda: None)


OPERATIONS: Mapping[type, Callable[[Any, Desk], None]] = {Remember: remember}
