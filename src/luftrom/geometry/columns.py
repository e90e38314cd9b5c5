"""Many 4D volumes as columns: what is computed on at once, and read from files of many.

In go `Volume4D` values or arrays of the same numbers; out come arrays that compiled code reads.
Angles are degrees WGS84, lengths metres, altitudes metres above the ellipsoid, times integer
nanoseconds since 1970 UTC (ASTM F3548-21, schema Volume4D).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from luftrom import limits
from luftrom.errors import BadInput
from luftrom.geometry import rings
from luftrom.geometry.volume import TIME_NS_LIMIT, Circle, Polygon, Volume4D


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """`n` volumes with `m` places between them. The numbers are taken as they are.

    The ring of volume k is `places_deg[ends[k]:ends[k + 1]]`; a circle has one place, its centre.
    """

    places_deg: np.ndarray                 # (m, 2) float64: latitude, longitude
    ends: np.ndarray                       # (n + 1,) int64: from 0 to m
    radii_m: np.ndarray                    # (n,) float64: 0 for a ring
    bands_m_w84: np.ndarray                # (n, 2) float64: lower and upper altitude
    times_ns: np.ndarray                   # (n, 2) int64: start and end

    def __len__(self) -> int:
        """How many volumes."""
        return len(self.radii_m)

    @staticmethod
    def of(volumes: Sequence[Volume4D]) -> Columns:
        """The columns of volumes, in their order."""
        places: list[tuple[float, float]] = []
        ends = [0]
        for volume in volumes:
            outline = volume.outline
            if isinstance(outline, Circle):
                places.append((outline.lat_deg, outline.lng_deg))
            else:
                places += outline.vertices
            ends.append(len(places))
        return Columns(
            np.array(places, np.float64).reshape(-1, 2), np.array(ends, np.int64),
            np.array([getattr(v.outline, "radius_m", 0.0) for v in volumes], np.float64),
            np.array([(v.altitude_m_w84_lower, v.altitude_m_w84_upper) for v in volumes],
                     np.float64).reshape(-1, 2),
            np.array([(v.time_start_ns, v.time_end_ns) for v in volumes], np.int64).reshape(-1, 2))

    def volume(self, k: int) -> Volume4D:
        """The volume at a place of the columns; BadInput if its numbers are none."""
        places = self.places_deg[self.ends[k]:self.ends[k + 1]].tolist()
        radius_m = float(self.radii_m[k])
        outline: Polygon | Circle
        if radius_m == 0.0:
            outline = Polygon(tuple((lat_deg, lng_deg) for lat_deg, lng_deg in places))
        elif len(places) == 1:
            lat_deg, lng_deg = places[0]
            outline = Circle(lat_deg, lng_deg, radius_m)
        else:
            raise BadInput(f"has {len(places)} places; a circle has one", field="vertices")
        return Volume4D(outline, *self.bands_m_w84[k].tolist(), *self.times_ns[k].tolist())


def check(columns: Columns) -> None:
    """Are all of the columns volumes? BadInput names the first that is none, and where it fails.

    Its field is that of the value's own refusal behind `volumes[k].`, such as
    `volumes[17].vertices[3]`; or `ends` if the columns do not fit together. About a million
    four-cornered volumes a second are looked at; see `rings` for larger ones.
    """
    count, ends = len(columns), columns.ends
    if not (ends.shape == (count + 1,) and columns.places_deg.shape == (ends[-1], 2)
            and columns.bands_m_w84.shape == columns.times_ns.shape == (count, 2)
            and ends[0] == 0 and (ends[:-1] <= ends[1:]).all()):
        raise BadInput("columns must be of one length, and ends rise from 0 to that of places",
                       field="ends")
    lower, upper = columns.bands_m_w84.T
    start, end = columns.times_ns.T
    # Asked so that no number, which no comparison is true of, is refused.
    is_bounded = ((limits.ALTITUDE_M_W84_MIN <= lower) & (lower < upper)
                  & (upper <= limits.ALTITUDE_M_W84_MAX)
                  & (-TIME_NS_LIMIT <= start) & (start < end) & (end <= TIME_NS_LIMIT))
    first, _, _ = rings.check_outlines(columns.places_deg, ends, columns.radii_m)
    unbounded = np.flatnonzero(~is_bounded[:first if first >= 0 else count])
    if len(unbounded):
        first = int(unbounded[0])
    if first >= 0:
        try:
            columns.volume(first)
        except BadInput as fault:
            raise BadInput(fault.message, field=f"volumes[{first}].{fault.field}") from None
