"""The bounds of an agreement: how much of the sky one party may ask for, and for how long.

Each has a default that is never below what ASTM F3548-21 permits: its annex names its limits, which
InterUSS publishes as constants (`uas_standards.astm.f3548.v21.constants`). Where the standard names
none, a DSS may refuse an area as too large (413 in its OpenAPI document). What a bound is held
against stands in `state.bounds`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from luftrom.errors import BadInput
from luftrom.reading import read_fields, read_integer, read_number

DAY_S = 86_400
HORIZON_S = 30 * DAY_S                     # F3548-21, OiMaxPlanHorizon
NOTICE_HORIZON_S = 56 * DAY_S              # F3548-21, CstrMaxPlanningHorizon
# F3548-21, CstrMaxArea and CstrMaxDuration: the largest constraint, for each km of its height.
LARGEST_CONSTRAINT_KM2_H = 10_000 * 24
HELD_CONSTRAINTS = 10
PENDING_S = 600


@dataclass(frozen=True, slots=True)
class Term:
    """One bound: its name with the unit last, from and to what parties may set it, and why so."""

    name: str
    unit: str
    least: float
    most: float
    text: str
    default: str
    source: str
    is_whole: bool = False


# In the order in which they are shown; docs/reference/agreement.md is written from them.
TERMS = (
    Term("extent_m", "m", 1.0, 40_000_000.0,
         "how far across a declaration or a notice may be: twice the farthest that any of it lies "
         "from its middle", "1,000,000",
         "F3548-21 names none and lets a DSS refuse an area as too large (413); the largest "
         "constraint (CstrMaxArea, 10,000 km²) is 113 km across as a circle"),
    Term("duration_s", "s", 1.0, 3_153_600_000.0,
         "from the first start to the last end of its volumes", f"{HORIZON_S:,} (30 days)",
         "as long as the horizon; a constraint lasts at most a day (CstrMaxDuration)"),
    Term("horizon_s", "s", 1.0, 3_153_600_000.0,
         "how far ahead of its statement the last volume of a declaration may start",
         f"{HORIZON_S:,} (30 days)", "OiMaxPlanHorizon"),
    Term("notice_horizon_s", "s", 1.0, 3_153_600_000.0, "the same of a prior notice",
         f"{NOTICE_HORIZON_S:,} (56 days)", "CstrMaxPlanningHorizon"),
    Term("pending_s", "s", 0.1, 30 * DAY_S,
         "how long a declaration may wait for its ruling, by the times that its author signed; "
         "then it counts no more",
         f"{PENDING_S:,}, or `after_s`, `opening_s` and `ruling_s` together where that is more",
         "F3548-21 knows no such state: a DSS answers at once"),
    Term("held_km3_h", "km³ h", 1e-6, 1e15,
         "volume times time of all that a party's declarations and notices ask for, each rounded "
         "up to a power of two; refused and withdrawn ones count for `period_s` from their signing",
         "ten of the largest constraints, as high as the agreement's band: 2,400,000 for each km",
         "F3548-21 names none; CstrMaxArea 10,000 km² times CstrMaxDuration 24 h is its largest "
         "single one"),
    Term("notices", "", 1, 1_000_000,
         "prior notices that a party may hold at once; withdrawn ones count for `period_s` from "
         "their signing",
         "1,000", "F3548-21 names none", is_whole=True),
    Term("changes", "", 1, 1_000_000_000,
         "versions of one activity or notice within `period_s`", "1,000",
         "F3548-21 asks for a change every 5 s at most of what flies off its plan "
         "(OiMaxUpdateTimeNonconf, OiMaxUpdateTimeContingent): 720 an hour", is_whole=True),
    Term("period_s", "s", 1.0, 30 * DAY_S,
         "for how long what was refused or withdrawn, and each change, still counts", "3,600",
         "F3548-21 names none"))


@dataclass(frozen=True, slots=True)
class AgreedBounds:
    """The bounds that the parties agreed on; see `TERMS` for what each is.

    Lengths are metres, times seconds, `held_km3_h` cubic kilometres times hours. BadInput names a
    bound that parties may not set so.
    """

    pending_s: float
    held_km3_h: float
    extent_m: float = 1_000_000.0
    duration_s: float = float(HORIZON_S)
    horizon_s: float = float(HORIZON_S)
    notice_horizon_s: float = float(NOTICE_HORIZON_S)
    notices: int = 1_000
    changes: int = 1_000
    period_s: float = field(default=3_600.0)

    def __post_init__(self) -> None:
        for term in TERMS:
            if not term.least <= getattr(self, term.name) <= term.most:
                raise BadInput(f"must be {term.least:,g} to {term.most:,.0f} {term.unit}".rstrip(),
                               field=f"bounds.{term.name}")

    def document(self) -> dict[str, float]:
        """As they stand in the agreement: each of them, whether it is the default or not."""
        return {term.name: getattr(self, term.name) for term in TERMS}


def default_bounds(waits_s: float, height_m: float, **agreed: Any) -> AgreedBounds:
    """Those that are agreed, and the defaults of the rest.

    `waits_s` is how long receipt, opening and ruling may take together; `height_m` is the height of
    the agreement's altitude band.
    """
    held_km3_h = HELD_CONSTRAINTS * LARGEST_CONSTRAINT_KM2_H * height_m / 1000.0
    defaults = {"pending_s": max(float(PENDING_S), waits_s), "held_km3_h": held_km3_h}
    return AgreedBounds(**(defaults | agreed))


def parse_bounds(document: Any, waits_s: float, height_m: float) -> AgreedBounds:
    """The member `bounds` of an agreement to its value; every member may be left out."""
    names = tuple(each.name for each in fields(AgreedBounds))
    given = read_fields(document, "bounds", required=(), optional=names)
    agreed: dict[str, Any] = {}
    for term in TERMS:
        if term.name in given:
            where = f"bounds.{term.name}"
            agreed[term.name] = (read_integer(given[term.name], where, int(term.least))
                                 if term.is_whole else read_number(given[term.name], where))
    bounds = default_bounds(waits_s, height_m, **agreed)
    if bounds.pending_s < waits_s:
        raise BadInput(f"must be at least {waits_s:g} s, as long as receipt, opening and ruling "
                       "may take together", field="bounds.pending_s")
    return bounds
