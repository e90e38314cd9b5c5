"""What peers' leaves cost: work is counted for each step and each minute, and what is beyond rests.

Work is in the units of `limits`. No clock is read: a minute is one of `Step.elapsed_ns`.
"""

from __future__ import annotations

from dataclasses import dataclass

from luftrom import limits
from luftrom.clock import NS_PER_S
from luftrom.node.step import Step

_MINUTE_NS = 60 * NS_PER_S


@dataclass(slots=True)
class _Minute:
    began_ns: int
    spent: float = 0.0


class PeerWork:
    """The accounts of all peers at one node."""

    def __init__(self, peers: int):
        self._peers = max(1, peers)
        self._minutes: dict[str, _Minute] = {}
        self._rests: dict[str, int] = {}       # peer -> when to go on, in `elapsed_ns`

    def left(self, peer: str, step: Step) -> float:
        """How much work may be done on a peer's leaves, now."""
        minute = self._minute(peer, step)
        return min(limits.STEP_PEERS_WORK_MAX / self._peers - step.peer_work.get(peer, 0.0),
                   limits.PEER_WORK_PER_MINUTE_MAX - minute.spent)

    def spend(self, peer: str, step: Step, units: float) -> None:
        """So much was done."""
        step.peer_work[peer] = step.peer_work.get(peer, 0.0) + units
        self._minute(peer, step).spent += units

    def rest(self, peer: str, step: Step) -> None:
        """Leaves of a peer wait for a later step."""
        minute = self._minute(peer, step)
        is_over = minute.spent >= limits.PEER_WORK_PER_MINUTE_MAX
        self._rests[peer] = minute.began_ns + _MINUTE_NS if is_over else step.elapsed_ns

    def take_up(self, peer: str) -> None:
        """A peer's leaves are looked at again."""
        self._rests.pop(peer, None)

    def due_ns(self) -> int | None:
        """When a step should go on with what rests, in `elapsed_ns`; None if nothing does."""
        return min(self._rests.values(), default=None)

    def is_over(self, peer: str) -> bool:
        """Do leaves of a peer wait since they cost more than is taken within a minute?"""
        minute = self._minutes.get(peer)
        return (peer in self._rests and minute is not None
                and minute.spent >= limits.PEER_WORK_PER_MINUTE_MAX)

    def _minute(self, peer: str, step: Step) -> _Minute:
        minute = self._minutes.get(peer)
        if minute is None or step.elapsed_ns >= minute.began_ns + _MINUTE_NS:
            minute = self._minutes[peer] = _Minute(step.elapsed_ns)
        return minute
