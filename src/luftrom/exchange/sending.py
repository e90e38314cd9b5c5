"""What a peer is sent: all that waits for it, within the limits of one message.

Leaves go at once. What opens them goes when it is due: for a sealed leaf that is when every party
has receipted it, so that nobody can be told of it who has not signed for it yet. Of other logs goes
what our own leaves speak of and the peer lacks, or says again and again that it lacks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from luftrom import limits
from luftrom.exchange.message import Message, Opening, Part
from luftrom.logs.mirror import Mirror
from luftrom.logs.own import OwnLog

_PART_BYTES_MAX = limits.EXCHANGE_BODY_BYTES_MAX // 8


@dataclass(frozen=True, slots=True)
class Position:
    """Where a peer stands: how much of our log it has mirrored and opened, and of others'.

    `lacks` says that it could not take what we sent, for want of what that speaks of.
    """

    mirrored: int = 0
    opened: int = 0
    known: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    lacks: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """What of the logs held here may be opened to a peer, by the indexes of leaves.

    `own` says it of the own log, `others` of the log of a party: there it is what was opened here,
    which every party that it is for has receipted by then. `seen` says how much of each log the
    first so many own leaves speak of, `ends` how much of the log of a party that forked counts.
    """

    own: Callable[[int], bool]
    others: Callable[[str, int], bool]
    seen: Callable[[int], Mapping[str, int]]
    ends: Mapping[str, int]


def build_message(own: OwnLog, mirrors: Mapping[str, Mirror], peer: str, at: Position,
                  shown: Shown, time_s: int) -> Message:
    """What to tell a peer that stands at `at`.

    Where not everything fits into one message an intermediate checkpoint is signed; the rest
    follows, and the receipt counts when all is there (`logs.head`).
    """
    part = _own_part(own, at, shown.own, time_s)
    parts, room = [part], limits.EXCHANGE_LEAVES_MAX - len(part.leaves)
    # Of others' logs goes what we speak of. The rest goes when there is nothing else to say: its
    # own author is likely to have sent it by then.
    says_all = at.lacks or not part.leaves
    seen = shown.seen(part.end)
    for name, other in mirrors.items():
        mirrored, opened = at.known.get(name, (0, 0))
        if name == peer or not (says_all or seen.get(name, 0) > mirrored):
            continue
        if mirrored >= shown.ends.get(name, mirrored + 1):
            mirrored = other.size          # no more leaves of a fork: another history goes on there
        relayed = _relayed(other, (mirrored, opened), shown, says_all, room)
        if relayed is not None:
            parts.append(relayed)
            room -= len(relayed.leaves)
    known = {name: (other.size, other.opened_size)
             for name, other in mirrors.items() if name != peer}
    return Message(tuple(parts), mirrors[peer].given_lines, known)


def _own_part(own: OwnLog, at: Position, is_due: Callable[[int], bool], time_s: int) -> Part:
    mirrored = min(at.mirrored, own.size)
    leaves = _leaves(own, mirrored, min(own.size, mirrored + limits.EXCHANGE_LEAVES_MAX // 2))
    end = mirrored + len(leaves)
    return Part(own.party, mirrored, mirrored,
                own.note if end == own.size else own.sign(end, time_s),
                tuple(own.tree.consistency_proof(mirrored, end)) if 0 < mirrored < end else (),
                tuple(leaves), _openings(own, at.opened, end, is_due))


def _relayed(other: Mirror, has: tuple[int, int], shown: Shown, opens: bool, room: int
             ) -> Part | None:
    """What a peer lacks of a third party's log, if there is any and it fits."""
    mirrored, opened = min(has[0], other.size), has[1]
    leaves = _leaves(other, mirrored, other.size) if other.size - mirrored <= room else []
    end = mirrored + len(leaves)
    if end < other.size:
        return None                        # no checkpoint of its author ends there
    openings = _openings(other, opened, other.opened_size, lambda index: shown.others(
        other.party, index)) if opens else ()
    if not leaves and not openings:
        return None
    return Part(other.party, mirrored, mirrored, other.note,
                tuple(other.tree.consistency_proof(mirrored, end)) if 0 < mirrored < end else (),
                tuple(leaves), openings)


def _leaves(log: OwnLog | Mirror, start: int, end: int) -> list[bytes]:
    """The leaves [start, end), as far as they fit into one message; at least one."""
    leaves = log.store.leaves(log.party, start, end)
    return leaves[:_fitting([len(leaf) for leaf in leaves])]


def _openings(log: OwnLog | Mirror, start: int, end: int, is_due: Callable[[int], bool]
              ) -> tuple[Opening, ...]:
    """What opens the leaves [start, end) and is due, as far as it fits; at least one."""
    end = min(end, start + limits.EXCHANGE_LEAVES_MAX)
    if start >= end:
        return ()
    opened = log.store.disclosures(log.party, start, end)
    due = [(index, tuple(disclosures)) for index, disclosures in sorted(opened.items())
           if is_due(index)]
    return tuple(due[:_fitting([sum(map(len, disclosures)) for _, disclosures in due])])


def _fitting(sizes: list[int]) -> int:
    """How many things of these sizes fit into one message; at least one."""
    total = 0
    for count, size in enumerate(sizes):
        total += size
        if count and total > _PART_BYTES_MAX:
            return count
    return len(sizes)
