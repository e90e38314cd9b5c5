"""A breach: the term of the agreement that a declaration or a notice is outside of."""

from __future__ import annotations

from dataclasses import dataclass

TERM_AREA, TERM_ALTITUDE, TERM_PRIORITY = "area", "altitude", "priority"
TERM_PENDING = "pending_s"


@dataclass(frozen=True, slots=True)
class Breach:
    """Which term, by the name that it has in the agreement; what was asked, and what is allowed.

    The unit stands last in the term's name; altitudes are metres WGS84. For a priority `bound`
    lists those that the party may use. None where there is no number to give.
    """

    term: str
    value: float | None = None
    bound: float | tuple[int, ...] | None = None
