"""Every sentence for people about the airspace: refusals, conflicts, right of way, suggestions.

In go values and the names of rules; out come sentences. Nothing that is signed, compared or
digested is made here, so that the words may change, or be of another language.
"""

from __future__ import annotations

from luftrom.airspace.breach import (
    TERM_ALTITUDE,
    TERM_AREA,
    TERM_PENDING,
    TERM_PRIORITY,
    Breach,
)
from luftrom.airspace.right_of_way import (
    CONSTRAINT,
    DECLARED_FIRST,
    DOUBTFUL,
    OUTSIDE_TERMS,
    PRIORITY,
    SAME_ENTITY,
    SILENT,
    TURN,
    UNNAMED,
    RightOfWay,
)
from luftrom.airspace.suggestions import ALTITUDE, BEARINGS, LATERAL, Suggestion
from luftrom.clock import NS_PER_S, format_time
from luftrom.geometry.encounter import Encounter

_OVERLAP = "volumes overlap"


def refusal_sentence(rule: str, name: str, party: str) -> str:
    """Why a declaration was refused, as one sentence about the one it lost to."""
    reasons = {
        PRIORITY: f"{name} of {party} has the higher priority.",
        DECLARED_FIRST: f"{name} of {party} was declared first, and conflicts are not permitted "
                        "at this priority.",
        TURN: f"{name} of {party} crossed it on the wire, and {party} has the turn in that hour.",
        UNNAMED: f"{name} of {party} was known, and the key does not name its OVN.",
        SILENT: f"{name} of {party} was accepted while this party was silent.",
        DOUBTFUL: f"{name} of {party} crossed it, while a silent party had not opened all that "
                  "was known to be in its log.",
        SAME_ENTITY: f"{name} of {party} bears the same identifier and was declared first.",
        OUTSIDE_TERMS: f"{name} of {party} is outside the agreement's terms and does not count."}
    return reasons.get(rule, f"It loses to {name} of {party}: {rule}.")


def right_of_way_reason(right: RightOfWay) -> str:
    """Why it has right of way, as half a sentence."""
    if right.rule == TURN:
        hour = format_time(right.time_ns)[11:13]
        return f"the two crossed on the wire and {right.party} has the turn from {hour}:00Z"
    reasons = {
        PRIORITY: f"its priority is {max(right.priorities)}, the other's is "
                  f"{min(right.priorities)}",
        DECLARED_FIRST: "it was declared first",
        SILENT: "it was accepted while the other party was silent",
        CONSTRAINT: f"prior notice of {right.party}"}
    return reasons[right.rule]


def conflict_sentence(first: str, second: str, met: Encounter, right: RightOfWay) -> str:
    """A conflict of two by their names, without reference to the present time."""
    reason = right_of_way_reason(right)
    if right.rule == CONSTRAINT:
        when = format_interval(met.time_start_ns, met.time_end_ns)
        distance = format_distance(met.lateral_m, met.vertical_m)
        return f"{first} enters {second} {when}, {distance}. {second} is closed: {reason}."
    holder = first if right.first else second
    return f"{meeting_sentence(first, second, met)} {holder} has right of way: {reason}."


def meeting_sentence(first: str, second: str, met: Encounter) -> str:
    """How two meet, by their names, where nobody has right of way yet."""
    when = format_interval(met.time_start_ns, met.time_end_ns)
    distance = format_distance(met.lateral_m, met.vertical_m)
    if distance == _OVERLAP:
        return f"{first} and {second} overlap {when}."
    return f"{first} and {second} come close {when}, {distance}."


def suggestion_sentence(suggestion: Suggestion) -> str:
    """What is free instead of what was refused."""
    if suggestion.kind == ALTITUDE:
        word = "higher" if suggestion.altitude_shift_m > 0 else "lower"
        return f"{abs(suggestion.altitude_shift_m):,} m {word} is free"
    if suggestion.kind == LATERAL:
        way = BEARINGS[round((suggestion.bearing_deg or 0.0) * len(BEARINGS) / 360.0)]
        return f"{suggestion.lateral_shift_m:,} m to the {way} is free"
    if suggestion.time_shift_s == 0:
        return "it is free now as it was declared"
    word = "later" if suggestion.time_shift_s > 0 else "earlier"
    return f"{_format_minutes(abs(suggestion.time_shift_s) // 60)} {word} is free"


_QUOTAS = {
    "extent_m": ("it is {value} m across", "{bound} m"),
    "duration_s": ("it lasts {value} s", "{bound} s"),
    "horizon_s": ("it starts {value} s ahead", "{bound} s"),
    "notice_horizon_s": ("it starts {value} s ahead", "{bound} s"),
    "held_km3_h": ("with it the party would hold {value} km³ h", "{bound} km³ h"),
    "notices": ("with it the party would hold {value} prior notices", "{bound}"),
    "changes": ("with it it has changed {value} times within the period", "{bound}"),
    TERM_PENDING: ("it waited {value} s for its ruling", "{bound} s")}


def breach_sentence(breach: Breach) -> str:
    """Which term of the agreement something is outside of, and by how much."""
    if breach.term == TERM_AREA:
        return "outside the agreement's terms (area): it lies wholly outside the agreed area"
    if breach.term == TERM_ALTITUDE:
        side = "above" if (breach.value or 0.0) >= _number(breach.bound) else "below"
        return (f"outside the agreement's terms (altitude): it lies wholly {side} "
                f"{_number(breach.bound):,.0f} m W84, where the agreed band ends")
    if breach.term == TERM_PRIORITY:
        listed = breach.bound if isinstance(breach.bound, tuple) else ()
        usable = ", ".join(map(str, listed)) or "none but to tell no priority"
        return (f"outside the agreement's terms (priority): this party may not use "
                f"{breach.value:.0f}; it may use {usable}")
    asked, most = _QUOTAS[breach.term]
    return (f"outside the agreement's terms ({breach.term}): "
            f"{asked.format(value=_figure(breach.value or 0.0))}, and at most "
            f"{most.format(bound=_figure(_number(breach.bound)))} "
            f"{'are' if breach.term in ('notices', 'changes') else 'is'} agreed")


def _number(bound: float | tuple[int, ...] | None) -> float:
    return bound if isinstance(bound, int | float) else 0.0


def _figure(value: float) -> str:
    """Whole where it is large, and never so round that it reads as what it is beyond."""
    text = f"{value:,.3f}" if value >= 1 else f"{value:.6g}"
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def format_distance(lateral_m: float, vertical_m: float) -> str:
    """The closest distance of two volumes as words."""
    def metres(value: float) -> str:
        if value < 1:
            return "under 1 m"
        return f"{value:.0f} m" if value < 10_000 else f"{value / 1000:.0f} km"

    if lateral_m <= 0 and vertical_m <= 0:
        return _OVERLAP
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


def _format_minutes(minutes: int) -> str:
    if minutes < 120:
        return f"{minutes} minute{'' if minutes == 1 else 's'}"
    hours, rest = divmod(minutes, 60)
    return f"{hours} hours {rest} min" if rest else f"{hours} hours"
