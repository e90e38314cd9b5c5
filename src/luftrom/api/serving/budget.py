"""The memory of bodies in progress and of answers that nobody reads.

Bodies are bounded for one stranger's address, for strangers, for all.

A body counts as it is read, or unpacked, until its request ends, since whoever reads it keeps it so
long. Nothing is set aside before it comes: a slow upload holds what it has sent, and no place that
another could have. A token is looked at before a body is read, so strangers who take all their room
take none of those whom somebody vouches for.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from luftrom import limits
from luftrom.api.serving.places import Place
from luftrom.errors import Unavailable


@dataclass(slots=True, eq=False)
class Budget:
    """The bytes of all bodies in progress; of those of strangers in all, and at each address.

    `unsent_bytes` are of answers to strangers that wait for them to be read.
    """

    all_bytes: int = 0
    strangers_bytes: int = 0
    unsent_bytes: int = 0
    of: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Share:
    """What one request holds; `strangers_bytes` of it came while nobody had vouched for it."""

    budget: Budget
    place: Place
    bytes: int = 0
    strangers_bytes: int = 0
    is_discarded: bool = False

    def take(self, count: int) -> None:
        """Count more bytes. Raises Unavailable (busy) where there are too many; then none count."""
        if self.is_discarded:
            return
        budget, address = self.budget, self.place.address
        if budget.all_bytes + count > limits.BODIES_BYTES_MAX:
            raise _busy(f"all bodies in progress have {limits.BODIES_BYTES_MAX} bytes")
        if not self.place.is_vouched:
            theirs = budget.of.get(address, 0) + count
            if budget.strangers_bytes + count > limits.STRANGERS_BODIES_BYTES_MAX:
                raise _busy("bodies in progress of clients without a token have "
                            f"{limits.STRANGERS_BODIES_BYTES_MAX} bytes")
            if theirs > limits.ADDRESS_BODIES_BYTES_MAX:
                raise _busy(f"bodies in progress from {address} have "
                            f"{limits.ADDRESS_BODIES_BYTES_MAX} bytes")
            budget.of[address] = theirs
            budget.strangers_bytes += count
            self.strangers_bytes += count
        budget.all_bytes += count
        self.bytes += count

    def give_back(self) -> None:
        """The request has ended; giving back twice is giving back once."""
        self.budget.all_bytes -= self.bytes
        if self.strangers_bytes:
            self.budget.strangers_bytes -= self.strangers_bytes
            left = self.budget.of.pop(self.place.address) - self.strangers_bytes
            if left:
                self.budget.of[self.place.address] = left
        self.bytes = self.strangers_bytes = 0

    def discard(self) -> None:
        """Nothing of the body is kept, nor of what still comes: it is read to be thrown away."""
        self.give_back()
        self.is_discarded = True


def _busy(what: str) -> Unavailable:
    return Unavailable(f"{what}, as many as this node takes at once; ask again later",
                       code="busy")
