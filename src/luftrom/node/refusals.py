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
