"""4D volumes: an outline on the WGS84 ellipsoid, a band of altitude, a time; checked when built.

Angles are degrees WGS84, lengths metres, altitudes metres above the ellipsoid, times integer
nanoseconds since 1970 UTC. An outline is a circle (all points within a geodesic radius) or a simple
ring of vertices joined by WGS84 geodesics, in either winding; its inside is the smaller side. What
cannot be such a value raises BadInput with the field at fault (ASTM F3548-21, schemas Volume4D,
Polygon, Circle, LatLngPoint).

Rings are checked in the plane onto which the ellipsoid is projected from the Earth's centre, around
the middle of the ring: there the planes through the centre are straight lines, the poles and the
180th meridian are nothing special, and a ring that fits in RADIUS_M_MAX never leaves the plane.
Every step is ordinary IEEE arithmetic, so all machines accept the same rings.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from types import ModuleType

import numpy as np

from luftrom import limits
from luftrom.errors import BadInput
from luftrom.geometry.wgs84 import MEAN_WIDTH_M_MIN, PERIMETER_M_MAX

LATERAL_M_MAX = 100_000.0                  # the largest lateral minimum of a Separation
VERTICAL_M_MAX = 100_000.0
TIME_S_MAX = 86_400.0
TIME_NS_LIMIT = 1 << 62                    # clock.TIME_NS_MAX; floor 0 values do not need clocks

_FEW_VERTICES = 1_000                      # checked in a millisecond, however they lie

Prepared = tuple[int, np.ndarray]          # a packed outline: its shape and its rows (`bounds`)


@dataclass(frozen=True, slots=True)
class Polygon:
    """A simple ring of `(lat_deg, lng_deg)`, 3 to RING_VERTICES_MAX, without a closing vertex.

    Raises BadInput with field `vertices` or `vertices[i]`: too few or many, off the Earth, repeated
    points, edges that cross or touch, no area, larger than RADIUS_M_MAX around its middle.
    """

    vertices: tuple[tuple[float, float], ...]
    # What `packing` computes once from the vertices; no part of the value.
    prepared: Prepared | None = field(default=None, init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        _check_ring(self.vertices)


@dataclass(frozen=True, slots=True)
class Circle:
    """All points within a geodesic distance of a centre; 0 < radius_m <= RADIUS_M_MAX."""

    lat_deg: float
    lng_deg: float
    radius_m: float
    prepared: Prepared | None = field(default=None, init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not -90.0 <= self.lat_deg <= 90.0:
            raise BadInput("must be -90 to 90 degrees", field="lat_deg")
        if not -180.0 <= self.lng_deg <= 180.0:
            raise BadInput("must be -180 to 180 degrees", field="lng_deg")
        if not MEAN_WIDTH_M_MIN <= self.radius_m <= limits.RADIUS_M_MAX:
            raise BadInput(f"must be {MEAN_WIDTH_M_MIN:g} to {limits.RADIUS_M_MAX:.0f} m",
                           field="radius_m")


@dataclass(frozen=True, slots=True)
class Volume4D:
    """An outline between two altitudes from one time until just before another (half-open)."""

    outline: Polygon | Circle
    altitude_m_w84_lower: float
    altitude_m_w84_upper: float
    time_start_ns: int
    time_end_ns: int

    def __post_init__(self) -> None:
        lowest, highest = limits.ALTITUDE_M_W84_MIN, limits.ALTITUDE_M_W84_MAX
        lower, upper = self.altitude_m_w84_lower, self.altitude_m_w84_upper
        if not lowest <= lower <= highest:
            raise BadInput(f"must be {lowest:.0f} to {highest:.0f} m", field="altitude_m_w84_lower")
        if not lowest <= upper <= highest:
            raise BadInput(f"must be {lowest:.0f} to {highest:.0f} m", field="altitude_m_w84_upper")
        if not lower < upper:
            raise BadInput("must be above the lower altitude", field="altitude_m_w84_upper")
        if not -TIME_NS_LIMIT <= self.time_start_ns <= TIME_NS_LIMIT:
            raise BadInput("is beyond the times a node computes with", field="time_start_ns")
        if not self.time_start_ns < self.time_end_ns <= TIME_NS_LIMIT:
            raise BadInput("must be later than the start, and a time a node computes with",
                           field="time_end_ns")


@dataclass(frozen=True, slots=True)
class Separation:
    """The minima that two volumes must keep; 0 means that they must not overlap, no more."""

    lateral_m: float
    vertical_m: float
    time_s: float

    def __post_init__(self) -> None:
        for name, most in (("lateral_m", LATERAL_M_MAX), ("vertical_m", VERTICAL_M_MAX),
                           ("time_s", TIME_S_MAX)):
            if not 0.0 <= getattr(self, name) <= most:
                raise BadInput(f"must be 0 to {most:.0f}", field=name)


# -- rings ---------------------------------------------------------------------------------------

@cache
def _rings() -> ModuleType:
    from luftrom.geometry import rings  # compiled code, which not every command needs

    return rings


def _check_ring(vertices: tuple[tuple[float, float], ...]) -> None:
    rings = _rings()
    count = len(vertices)
    if count > limits.RING_VERTICES_MAX or count < 3:
        fault, at = rings.COUNT, 0
    else:
        places = np.array(vertices, np.float64)
        # A large ring may take a tenth of a second: other threads run meanwhile.
        _, fault, at = ((0, *rings.check_ring(places)) if count <= _FEW_VERTICES else
                        rings.check_outlines(places, np.array((0, count)), np.zeros(1)))
        if fault == rings.SIMPLE:
            return
    words = {
        rings.COUNT: f"has {count} vertices; 3 to {limits.RING_VERTICES_MAX} are taken",
        rings.OFF_EARTH: "lat must be -90 to 90 and lng -180 to 180 degrees",
        rings.TOO_FAR: f"reaches farther than {limits.RADIUS_M_MAX / 1000:.0f} km from its middle",
        rings.REPEATED: f"is the same point as vertices[{at if at + 1 < count else 0}]; a ring has "
                        "no repeated and no closing vertex",
        rings.NO_AREA: "encloses no area, or crosses itself",
        rings.TOO_LONG: f"is longer than {PERIMETER_M_MAX / 1000:.0f} km around",
        rings.CROSSING: "begins an edge that crosses or touches another edge of the ring; a ring "
                        "must be simple",
    }
    if fault == rings.REPEATED:
        at = min(at + 1, count - 1)        # named is the later end of the edge that has no length
    is_there = fault in (rings.OFF_EARTH, rings.REPEATED, rings.CROSSING)
    raise BadInput(words[fault], field=f"vertices[{at}]" if is_there else "vertices")
