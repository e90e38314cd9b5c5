"""Every sentence for people about the airspace: refusals, conflicts, right of way, suggestions.

In go values and the names of rules; out come sentences. Nothing that is signed, compared or
digested is made here, so that the words may change, or be of another language.
"""

from __future__ import annotations

from luftrom.airspace.right_of_way import DECLARED_FIRST, PRIORITY, SAME_ENTITY, TURN, UNNAMED
from luftrom.clock import NS_PER_S, format_time


def refusal_sentence(rule: str, name: str, party: str) -> str:
    """Why a declaration was refused, as one sentence about the one it lost to."""
    reasons = {
        PRIORITY: f"{name} of {party} has the higher priority.",
        DECLARED_FIRST: f"{name} of {party} was declared first, and conflicts are not permitted "
                        "at this priority.",
        TURN: f"{name} of {party} crossed it on the wire, and {party} has the turn in that hour.",
        UNNAMED: f"{name} of {party} was known, and the key does not name its OVN.",
        SAME_ENTITY: f"{name} of {party} bears the same identifier and was declared first."}
    return reasons.get(rule, f"It loses to {name} of {party}: {rule}.")


def format_distance(lateral_m: float, vertical_m: float) -> str:
    """The closest distance of two volumes as words."""
    def metres(value: float) -> str:
        if value < 1:
            return "under 1 m"
        return f"{value:.0f} m" if value < 10_000 else f"{value / 1000:.0f} km"

    if lateral_m <= 0 and vertical_m <= 0:
        return "volumes overlap"
    parts = [f"{metres(value)} {word}" for value, word in
             ((lateral_m, "lateral"), (vertical_m, "vertical")) if value > 0]
    return ", ".join(parts)


def format_interval(time_start_ns: int, time_end_ns: int) -> str:
    """`12:04–12:09Z`: seconds within one minute, the day in front where the ends' days differ."""
    start, end = (format_time(t // NS_PER_S * NS_PER_S) for t in (time_start_ns, time_end_ns))
    if start[:10] != end[:10]:
        return f"{start[:16]}Z–{end[:16]}Z"
    digits = 19 if start[:16] == end[:16] else 16
    return f"{start[11:digits]}–{end[11:digits]}Z"
