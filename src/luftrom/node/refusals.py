"""Refusals of a node that carry more than words: whoever gets one can go on from what it holds."""

from __future__ import annotations

from luftrom.errors import Conflict
from luftrom.state.record import Record


class MissingKey(Conflict):
    """A key that does not name every operational intent that would be met; `missing` are those."""

    code = "missing_key"

    def __init__(self, missing: tuple[Record, ...]):
        super().__init__("the key does not name every operational intent that would be met",
                         field="key")
        self.missing = missing


class Replayed(Conflict):
    """A message, or a later one of its sender, was taken before: `counter` is the newest's."""

    code = "replayed"

    def __init__(self, counter: int):
        super().__init__("this message, or a later one, was already taken",
                         detail={"counter": counter})
        self.counter = counter
