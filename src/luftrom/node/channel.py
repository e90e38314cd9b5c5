"""The channel: the link between two nodes as this side of it stands.

Ages are measured on a clock that nobody can set back (`Clock.elapsed_ns`), so that a wrong wall
clock never makes stale data look fresh.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from luftrom.clock import NS_PER_S
from luftrom.exchange.sending import Position
from luftrom.node.withholding import Debts, Withheld
from luftrom.state.forks import Told

# As they are shown. Whoever talks, and owes more than the agreement lets it, withholds.
FRESH, STALE, UNHEARD, BROKEN = "fresh", "stale", "silent", "broken"
WITHHOLDING = "withholding"
HEARTBEAT_S = 2.0
STALE_AFTER_S = 3 * HEARTBEAT_S
# When a link is shown as one on which nothing is heard. Nothing rests on it: how long a ruling
# waits for a silent peer's receipt is a term of the agreement, `silence.after_s`.
UNHEARD_AFTER_S = 60.0
WORD_EVERY_S = 60.0                        # a peer says again what it holds, and what time it is
CLOCK_OFF_S_MAX = 5.0                      # a larger difference of two clocks is an alarm


@dataclass(frozen=True, slots=True)
class Channel:
    """What is known of the link to one peer, at one moment.

    `receipts_outstanding` counts own leaves that the peer has not receipted; a check is one
    exchange begun by this side, missed if it got no verified answer. `kernels_digest` is of the
    code by which the peer decides conflicts, as its last message said; None if it did not.
    """

    peer: str
    base_url: str
    state: str
    last_heard_ns: int | None
    age_s: float | None
    round_trip_ms: float | None
    mirror_size: int
    applied_size: int
    receipt_size: int
    receipts_outstanding: int
    last_error: str | None
    checks_made: int
    checks_missed: int
    kernels_digest: str | None = None
    clock_offset_s: float | None = None    # how far the peer's clock is ahead; None if not known
    withheld: tuple[Withheld, ...] = ()    # what it owes beyond the time that the agreement gives
    forked: Told | None = None             # that it forked, as our log tells, and since when


@dataclass(slots=True)
class Link:
    """The account of one link. `at` is the peer's last word on where it stands."""

    peer: str
    base_url: str
    at: Position = field(default_factory=Position)
    sent: int = 0                          # up to where our last message went, unless it failed
    sent_open: int = 0                     # up to where leaves were opened to it by then
    was_overtaken: bool = False            # was the last answer older than what we held by then?
    counter: int = 0
    given_up: int = 0                      # answers to messages up to that counter are not taken
    heard_ns: int | None = None            # wall clock, to be shown
    heard_elapsed_ns: int | None = None    # the other clock, to measure the age with
    round_trip_ms: float | None = None
    last_error: str | None = None
    checks_made: int = 0
    checks_missed: int = 0
    kernels: str | None = None             # digest of the code by which the peer decides conflicts
    word_elapsed_ns: int | None = None     # when the peer was last asked for its word
    clock_offset_s: float | None = None
    debts: Debts = field(default_factory=Debts)
    resyncs: int = 0                       # times in a row that the peer asked to begin elsewhere

    @property
    def sent_size(self) -> int:
        """Up to where the peer has our log, or is being sent it."""
        return max(self.at.mirrored, self.sent)

    @property
    def opened_size(self) -> int:
        """Up to where our log is open to the peer, or being opened."""
        return max(self.at.opened, self.sent_open)

    def is_word_due(self, elapsed_ns: int) -> bool:
        """Is it time to ask the peer what it holds of our log?"""
        return (self.word_elapsed_ns is None
                or elapsed_ns - self.word_elapsed_ns >= WORD_EVERY_S * NS_PER_S)

    def next_counter(self, now_ns: int) -> int:
        """A number above all before it, also across restarts while the clock is not set back."""
        self.counter = max(self.counter + 1, now_ns)
        return self.counter

    def heard(self, now_ns: int, elapsed_ns: int) -> None:
        """A verified message of the peer has been taken in."""
        self.heard_ns, self.heard_elapsed_ns = now_ns, elapsed_ns
        self.last_error = None
        self.resyncs = 0

    def missed(self, reason: str) -> None:
        """A check got no verified answer."""
        self.checks_missed += 1
        self.last_error = reason

    def age_s(self, elapsed_ns: int) -> float | None:
        """Seconds since the peer's last verified word; None if there was none since the start."""
        if self.heard_elapsed_ns is None:
            return None
        return (elapsed_ns - self.heard_elapsed_ns) / NS_PER_S

    def state(self, elapsed_ns: int, is_broken: bool, withholds: bool) -> str:
        """One of `FRESH`, `WITHHOLDING`, `STALE`, `UNHEARD` and `BROKEN`."""
        age_s = self.age_s(elapsed_ns)
        if is_broken:
            return BROKEN
        if age_s is None or age_s > UNHEARD_AFTER_S:
            return UNHEARD
        if age_s > STALE_AFTER_S:
            return STALE
        return WITHHOLDING if withholds else FRESH
