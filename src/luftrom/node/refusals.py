"""Refusals of a node that carry more than words: whoever gets one can go on from what it holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from luftrom.airspace.breach import Breach
from luftrom.airspace.sentences import breach_sentence
from luftrom.errors import Conflict, LuftromError
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


class OutsideTerms(LuftromError):
    """A declaration or a notice that the agreement does not let its party make; `breach` says why.

    400; where F3548-21 has a status for it that: 413 for an area that is too large, 429 for too
    many changes.
    """

    code, status = "outside_terms", 400
    _STATUSES: Mapping[str, int] = {"extent_m": 413, "changes": 429}

    def __init__(self, breach: Breach):
        super().__init__(breach_sentence(breach), status=self._STATUSES.get(breach.term),
                         detail=breach_document(breach))
        self.breach = breach


def breach_document(breach: Breach) -> dict[str, Any]:
    """A breach as plain JSON: the term, what was asked, and what is allowed."""
    bound = list(breach.bound) if isinstance(breach.bound, tuple) else breach.bound
    return {"term": breach.term, "value": breach.value, "bound": bound}
