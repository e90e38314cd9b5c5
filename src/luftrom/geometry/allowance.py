"""How much work may still be done for somebody who asks: counted before it is done, by no clock."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from luftrom.errors import TooMuchWork


@dataclass(slots=True)
class Allowance:
    """Units of work (`limits`), at first `most`; without a number as many as it takes."""

    most: float = math.inf
    left: float = field(init=False)

    def __post_init__(self) -> None:
        self.left = self.most

    def take(self, units: float) -> None:
        """So much is done now, or was. Raises TooMuchWork where that is more than is left."""
        self.left -= units
        if self.left < 0.0:
            raise TooMuchWork(self.most)
